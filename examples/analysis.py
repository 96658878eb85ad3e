"""The Nile at Aswan, 1871-1970: when did the river change, and by how much?

An analysis as an assistant would send it to be run. It needs nothing that the guard refuses: no
files, no system, no network. The data is in the program, the results go out by print().
"""

import statistics
from collections import defaultdict

# Annual flow in units of 100 million cubic metres (G. W. Cobb, Biometrika 65, 1978).
FIRST_YEAR = 1871
FLOW = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180,
    799, 958, 1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833,
    701, 916, 692, 1020, 1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845,
    864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649,
    846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918, 986, 797, 923, 975, 815,
    1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
]
BAR = 40


def squares(values):
    """Sum of squared distances from the mean."""
    mean = statistics.fmean(values)
    return sum((value - mean) ** 2 for value in values)


def change_point(values, least=5):
    """The split into two levels that leaves the least unexplained."""
    return min(range(least, len(values) - least),
               key=lambda at: squares(values[:at]) + squares(values[at:]))


def by_decade(values):
    decades = defaultdict(list)
    for year, value in enumerate(values, FIRST_YEAR):
        decades[year // 10 * 10].append(value)
    return decades


def describe(name, values):
    print(f"{name:<12} n={len(values):3}  mean {statistics.fmean(values):7.1f}  "
          f"median {statistics.median(values):6.1f}  sd {statistics.stdev(values):6.1f}  "
          f"min {min(values):4}  max {max(values):4}")


def main():
    last_year = FIRST_YEAR + len(FLOW) - 1
    print("Flow of the Nile at Aswan, 10^8 m^3 a year\n")
    describe(f"{FIRST_YEAR}-{last_year}", FLOW)

    at = change_point(FLOW)
    before, after = FLOW[:at], FLOW[at:]
    year = FIRST_YEAR + at
    describe(f"{FIRST_YEAR}-{year - 1}", before)
    describe(f"{year}-{last_year}", after)

    drop = statistics.fmean(before) - statistics.fmean(after)
    explained = 1 - (squares(before) + squares(after)) / squares(FLOW)
    print(f"\nThe level changed in {year}: down by {drop:.0f} ({drop / statistics.fmean(before):.0%}),"
          f"\nwhich explains {explained:.0%} of all variation. The first Aswan dam was begun in 1898.\n")

    decades = by_decade(FLOW)
    top = max(statistics.fmean(values) for values in decades.values())
    for decade, values in decades.items():
        mean = statistics.fmean(values)
        print(f"{decade}s {mean:7.1f} {'#' * round(mean / top * BAR)}")


main()
