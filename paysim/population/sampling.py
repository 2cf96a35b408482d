"""Samples of whole practices: thinning the people inside a practice would falsify its queues.

Practices are put in order of municipality and list size, and systematic samples are drawn from that order, so
every sample is spread over places and sizes. Of all such samples the one whose people are nearest to the
wanted number is taken.
"""

from __future__ import annotations

import numpy as np

from paysim.population.schema import Practice

_STARTS = 200


def choose_practices(
    practices: tuple[Practice, ...], municipalities: tuple[str, ...], wanted: int
) -> tuple[np.ndarray, str]:
    """Choose whole practices, at least one, with a total of people nearest to `wanted`.

    Returns
    -------
    chosen
        Sorted indices of practices.
    note
        One sentence on what was taken.
    """
    lists = np.array([practice.list_size for practice in practices])
    order = np.lexsort((lists, np.array([practice.municipality for practice in practices])))
    total = int(lists.sum())
    nearest = order
    if wanted < total:
        typical = wanted / (total / len(lists))
        counts = range(max(1, int(typical) - 2), min(len(lists), int(typical) + 3) + 1)
        for count in counts:
            for start in range(_STARTS):
                place = (np.arange(count) + (start + 0.5) / _STARTS) * (len(lists) / count)
                chosen = order[place.astype(np.int64)]
                if abs(int(lists[chosen].sum()) - wanted) < abs(int(lists[nearest].sum()) - wanted):
                    nearest = chosen
    nearest = np.sort(nearest)
    taken = int(lists[nearest].sum())
    places = sorted({practices[index].municipality for index in nearest})
    names = ", ".join(municipalities[place] for place in places)
    note = (
        f"sample of {taken:,} of {total:,} persons ({wanted:,} asked): "
        f"{len(nearest)} of {len(practices)} practices in {names}; each person stands for {total / taken:.3f}"
    )
    return nearest, note
