import ArgumentParser
struct Tokenize: ParsableCommand {}
