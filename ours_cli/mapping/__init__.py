"""Record → event or reject: what the person maps to what, judged by the contract, one row at a time."""
