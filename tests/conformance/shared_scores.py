#!/usr/bin/env python3
"""shared_scores.py SCORE PROGRAM : runs a shared score, if it is there, against the number recorded here.

The cases are kept beside the project, not in it: without them this says so and is skipped (exit 77). A score
that falls below scores.json fails; one that rises says so, so that the record can be raised.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(os.environ.get('TIDINGS_SHARED', HERE.parents[2] / 'shared'))


def parsing(program):
    """Share of the parsing cases that pass, mean over their groups, crashes, and cases that fail for no known reason.

    contradictions.json: the cases that cannot pass, each with the sentence of OUTPUT.md or of a specification that
    it contradicts.
    """
    tool = SHARED / 'conformance/score.py'
    if not tool.exists():
        return None
    r = subprocess.run([sys.executable, tool, '--cmd', f'{program} parse --json', '--json'],
                       capture_output=True, text=True)
    result = json.loads(r.stdout)
    groups = [g['passed'] / g['cases'] for g in result['groups'].values()]
    total = result['total']
    reasons = json.loads((HERE / 'contradictions.json').read_text())
    failing = {f"{f['group']}/{f['case']}": f['verdict'] for f in result['failing']}
    for case, verdict in failing.items():
        print(f"  {verdict} {case}: {reasons.get(case, 'NO REASON IS KNOWN')}")
    for case in reasons.keys() - failing.keys():
        print(f'  {case} passes: take it out of contradictions.json')
    return {'cases_percent': 100 * total['passed'] / total['cases'],
            'groups_mean_percent': 100 * sum(groups) / len(groups),
            'explained_percent': 100 * (1 - len(failing.keys() - reasons.keys()) / total['cases']),
            'sound_percent': 100 * (1 - (total['crashed'] + total['timeouts']) / total['cases'])}


def behaviour(program):
    """How tidingsd behaves towards servers, in percent of the checks' weight; takes 76 s."""
    tool = SHARED / 'origin/behaviour_score.py'
    if not tool.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / 'score.json'
        subprocess.run([sys.executable, tool, '--adapter', HERE / 'behaviour_adapter.py', '--json', report],
                       stdout=subprocess.DEVNULL, check=True,
                       env={**os.environ, 'TIDINGS_DAEMON': program})
        result = json.loads(report.read_text())
    for c in result['checks']:
        if c['status'] != 'PASS':
            print(f"  {c['status']} {c['group']}/{c['id']}: {c['title']} [{c['detail']}]")
    return {'score_percent': result['summary']['score'], 'strict_percent': result['summary']['strict']}


def stories(program):
    """How well items are sorted into stories: B-cubed F1 of each set, and means over the sets, in percent."""
    folder = SHARED / 'stories'
    tool = folder / 'score_stories.py'
    if not tool.exists():
        return None
    reached, all_sets = {}, []
    for gold in sorted(folder.glob('*.gold.jsonl')):
        name = gold.name.removesuffix('.gold.jsonl')
        with open(folder / f'{name}.items.jsonl', 'rb') as items, tempfile.NamedTemporaryFile() as answer:
            subprocess.run([program, 'cluster', '--jsonl'], stdin=items, stdout=answer, check=True)
            r = subprocess.run([sys.executable, tool, gold, answer.name, '--within', 'lang', '--json'],
                               capture_output=True, text=True, check=True)
        score = json.loads(r.stdout)
        all_sets.append(score)
        reached[f'{name}_b3_percent'] = 100 * score['b3_f1']

    def mean(key):
        return sum(s[key] for s in all_sets) / len(all_sets)
    reached['b3_mean_percent'] = 100 * mean('b3_f1')
    reached['truly_merged_percent'] = 100 * (1 - mean('false_merge'))
    reached['told_percent'] = 100 * (1 - mean('missed_share'))
    return reached


SCORES = {'parsing': parsing, 'behaviour': behaviour, 'stories': stories}
TIMED = {'behaviour'}


def main():
    name, program = sys.argv[1], str(pathlib.Path(sys.argv[2]).resolve())
    reached = SCORES[name](program)
    if reached is None:
        print(f'{name}: the shared cases are not here ({SHARED.name}/): skipped')
        return 77
    recorded = json.loads((HERE / 'scores.json').read_text())[name]
    if name in TIMED and any(reached[key] < want for key, want in recorded.items()):
        print(f'{name}: below the record; it measures time, so a busy machine gets a second try')
        reached = SCORES[name](program)
    failed = False
    for key, want in recorded.items():
        got = round(reached[key], 2)
        failed |= got < want
        print(f'{name} {key}: {got}, recorded {want}' +
              (': FELL' if got < want else ': the record can be raised' if got > want else ''))
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
