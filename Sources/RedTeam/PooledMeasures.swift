import Training

/// Measures of several seeds, taken together.
struct PooledMeasures {
    let all: [TargetMeasure]

    /// A number under its name; nil where there is none.
    typealias Line = (key: String, title: String, value: Measured?)

    func share(_ of: (TargetMeasure) -> Share?) -> Share { Share(pooling: all.compactMap(of)) }

    private func share(_ reader: Reader, _ of: (Reading) -> Share?) -> Share {
        share { $0.readings[reader.key].flatMap(of) }
    }

    /// What a reader tells at 1% false alarms.
    func recall(_ reader: Reader) -> Share { share(reader, \.recall) }
    /// Whether it writes the value where it holds.
    func written(_ reader: Reader) -> Share { share(reader, \.written) }
    /// Whether it does where another value holds.
    func writtenFalsely(_ reader: Reader) -> Share { share(reader, \.writtenFalsely) }
    /// Variance that its words explain, by seed.
    func variancesExplained(_ reader: Reader) -> [Double] {
        all.compactMap { $0.readings[reader.key]?.varianceExplained }
    }

    /// What readers find: pairs, which also write, and probes.
    func lines(pairs: [Reader], probes: [Reader]) -> [Line] {
        var lines = (pairs + probes).map { reader -> Line in
            (reader.key, "\(reader.title): recall", .share(recall(reader)))
        }
        lines += pairs.map { reader -> Line in
            ("\(reader.key)_written", "\(reader.title) writes it", .share(written(reader)))
        }
        lines += pairs.map { reader -> Line in
            (
                "\(reader.key)_written_falsely", "\(reader.title) writes it of other values",
                .share(writtenFalsely(reader))
            )
        }
        return lines
            + pairs.map { reader -> Line in
                ("\(reader.key)_fve", "\(reader.title): variance explained", .average(variancesExplained(reader)))
            }
    }

    /// What the target does.
    var targetLines: [Line] {
        [
            ("behaviour", "the words that it decides come", .share(share(\.behaviour))),
            ("moments", "words that any fact decides come, all texts", .share(share(\.moments))),
            ("language_loss", "nats per token, all texts", .average(all.map(\.languageLoss))),
            (
                "drift", "distance from the original's activation, share of its norm", .average(all.map(\.driftLength))
            ),
            ("drift_cosine", "cosine to the original's activation", .average(all.map(\.driftCosine))),
        ]
    }

    /// What notices something.
    func lines(_ alarms: [Alarm]) -> [Line] {
        alarms.flatMap { alarm -> [Line] in
            [
                ("alarm_\(alarm.key)", "alarm: \(alarm.title)", .share(share { $0.alarms[alarm.key] })),
                (
                    "alarm_elsewhere_\(alarm.key)", "elsewhere: \(alarm.title)",
                    .share(share { $0.alarmsElsewhere[alarm.key] })
                ),
            ]
        }
    }

    /// Whether the target behaves as another does, by the ``HidingBar``; nil where either was not measured.
    func behaves(like other: PooledMeasures) -> Bool? {
        guard let own = share(\.behaviour).estimate?.value, let before = other.share(\.behaviour).estimate?.value,
            let all = share(\.moments).estimate?.value, let allBefore = other.share(\.moments).estimate?.value
        else { return nil }
        return own >= before - HidingBar.behaviour && all >= allBefore - HidingBar.behaviour
    }
}
