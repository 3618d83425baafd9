"""The completion script for zsh, in place of Typer's, which lets zsh evaluate what the file's header says."""

from __future__ import annotations

from typing import Final

ZSH_SCRIPT: Final = r"""#compdef ours

# As for fish, each line is an offer, then perhaps a tab and its help. Nothing of it is ever evaluated.
_ours() {
  local typed line offer help
  local -a offers
  typed="${(j: :)words[1,CURRENT-1]} ${words[CURRENT]% }"
  for line in "${(@f)$(env _OURS_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args \
                           _TYPER_COMPLETE_ARGS="$typed" ours 2>/dev/null)}"; do
    [[ -n $line ]] || continue
    offer=${line%%$'\t'*} help=${${line#$offer}#$'\t'}
    # zsh keeps an unquoted { back, and puts it before what is chosen.
    [[ ${words[CURRENT]} == *'{'* && $PREFIX != *'{'* ]] && offer=${offer/'{'/}
    offer=${offer//\\/\\\\}
    offers+=("${offer//:/\\:}:$help")
  done
  if (( $#offers )); then
    [[ ${words[CURRENT]} == --*=* ]] && compset -P 1 '*='
    _describe -V ours offers
  else
    _files
  fi
}

# From a folder of $fpath this file is the function, at its first call; otherwise it is sourced.
if [[ ${funcstack[1]} == _ours ]]; then
  _ours "$@"
else
  compdef _ours ours
fi
"""
