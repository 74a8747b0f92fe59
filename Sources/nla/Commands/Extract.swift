import ArgumentParser
struct Extract: ParsableCommand {}
