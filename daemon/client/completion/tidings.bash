# bash completion for tidings. Commands, options and their values come from the program itself
# (--list-commands, --list-options), so this never falls behind it.

_tidings_words() { # CURRENT WORD... : fills COMPREPLY with those that begin with CURRENT
    local cur=$1 word
    shift
    COMPREPLY=()
    for word; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
}

_tidings_names() { # CURRENT COMMAND COLUMN : names from the table that COMMAND shows
    local cur=$1 name
    COMPREPLY=()
    while IFS= read -r name; do
        [[ $name == "$cur"* ]] && COMPREPLY+=("$name")
    done < <("${COMP_WORDS[0]}" "$2" --format tsv 2>/dev/null | sed 1d | cut -f"$3" | head -n 2000)
}

_tidings_feeds() { _tidings_names "$1" feeds 2; } # CURRENT
_tidings_subscriptions() { _tidings_names "$1" subscriptions 1; } # CURRENT

_tidings() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} IFS=$'\n'
    if ((COMP_CWORD == 1)); then
        _tidings_words "$cur" $("$program" --list-commands 2>/dev/null | cut -f1) --help --version
        return
    fi
    local i
    for ((i = 2; i < COMP_CWORD; i++)); do # behind --exec stands a command of its own
        if [[ ${COMP_WORDS[i]} == --exec ]]; then
            ((i + 1 == COMP_CWORD)) && COMPREPLY=($(compgen -c -- "$cur")) ||
                COMPREPLY=($(compgen -f -- "$cur"))
            return
        fi
    done
    local options name arg help choices
    options=$("$program" "$command" --list-options 2>/dev/null) || return
    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
    [[ $cur == = ]] && prev=${COMP_WORDS[COMP_CWORD - 1]} cur=
    while IFS=$'\037' read -r name arg help choices; do
        [[ $name == "$prev" && $arg ]] || continue
        case $arg in
        PATH | FILE) COMPREPLY=($(compgen -f -- "$cur")) ;;
        FEED) _tidings_feeds "$cur" ;;
        *) IFS=' ' && _tidings_words "$cur" $choices ;;
        esac
        return
    done < <(tr '\t' '\037' <<<"$options")
    if [[ $cur == -* ]]; then
        _tidings_words "$cur" $(cut -f1 <<<"$options")
        return
    fi
    local synopsis
    synopsis=$("$program" --list-commands 2>/dev/null | sed -n "s/^$command\t//p")
    case $command:$synopsis in # by what its synopsis names
    opml:*)
        if ((COMP_CWORD == 2)); then
            _tidings_words "$cur" import export
        else
            COMPREPLY=($(compgen -f -- "$cur"))
        fi
        ;;
    subscriptions:*)
        _tidings_subscriptions "$cur"
        if ((COMP_CWORD == 2)); then
            local names=("${COMPREPLY[@]}")
            _tidings_words "$cur" show pause resume rewind skip test dead-letters replay
            COMPREPLY+=("${names[@]}")
        fi
        ;;
    query:*)
        if ((COMP_CWORD == 2)); then
            _tidings_words "$cur" list save remove
        else
            _tidings_names "$cur" query 1
        fi
        ;;
    help:*) _tidings_words "$cur" $("$program" --list-commands 2>/dev/null | cut -f1) ;;
    *:FEED* | *:\[FEED*) _tidings_feeds "$cur" ;;
    *:FILE* | *:\[FILE*) COMPREPLY=($(compgen -f -- "$cur")) ;;
    *:NAME*) _tidings_subscriptions "$cur" ;;
    esac
}

complete -o filenames -F _tidings tidings
