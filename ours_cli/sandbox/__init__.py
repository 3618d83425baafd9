"""A local Ingest API for rehearsals and tests: exact to the contract, scripted to fail on demand.

It shares no validation code with the client: a referee must not repeat its subject's mistakes. Importing this
package is light; SQLite and the HTTP server load when a `Sandbox` starts.
"""

from ours_cli.sandbox.embedded import Sandbox
from ours_cli.sandbox.fault_file import load_faults
from ours_cli.sandbox.faults import Fault, Then, When
from ours_cli.sandbox.options import SandboxOptions
from ours_cli.sandbox.stored import LoggedRequest, StoredEvent, Totals

__all__ = [
    "Fault",
    "LoggedRequest",
    "Sandbox",
    "SandboxOptions",
    "StoredEvent",
    "Then",
    "Totals",
    "When",
    "load_faults",
]
