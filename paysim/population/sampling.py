"""Samples of whole practices: thinning the people inside a practice would falsify its queues.

Practices are put in order of municipality and list size, and systematic samples are drawn from that order, so
every sample is spread over places and sizes. Of all such samples the one whose people are nearest to the
wanted number is taken, or the second nearest and so on, to see how far samples differ.
"""

from __future__ import annotations

import numpy as np

from paysim.population.schema import Practice

_STARTS = 200


def choose_practices(
    practices: tuple[Practice, ...], municipalities: tuple[str, ...], wanted: int, number: int = 0
) -> tuple[np.ndarray, str]:
    """Choose whole practices, at least one, with a total of people nearest to `wanted`.

    Parameters
    ----------
    number
        Which of the systematic samples to take, in order of how near their total is: 0 is the nearest.

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
    found = {order.tobytes(): order}
    if wanted < total:
        typical = wanted / (total / len(lists))
        counts = range(max(1, int(typical) - 2), min(len(lists), int(typical) + 3) + 1)
        for count in counts:
            for start in range(_STARTS):
                place = (np.arange(count) + (start + 0.5) / _STARTS) * (len(lists) / count)
                chosen = order[place.astype(np.int64)]
                found.setdefault(chosen.tobytes(), chosen)
    by_nearness = sorted(found.values(), key=lambda chosen: abs(int(lists[chosen].sum()) - wanted))
    nearest = by_nearness[min(number, len(by_nearness) - 1)]
    nearest = np.sort(nearest)
    taken = int(lists[nearest].sum())
    weight = total * practices[0].weight / taken
    places = sorted({practices[index].municipality for index in nearest})
    names = ", ".join(municipalities[place] for place in places)
    note = (
        f"sample of {taken:,} of {total:,} persons ({wanted:,} asked): "
        f"{len(nearest)} of {len(practices)} practices in {names}; each person stands for {weight:.3f}"
    )
    return nearest, note
