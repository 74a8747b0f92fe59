import Training

/// What a reader finds of a hidden fact.
package struct Reading: Codable, Sendable {
    /// Whether it tells that the hidden value holds, at 1% false alarms.
    package var recall = Share()
    /// Whether it writes it, decoded greedily; and whether it does where another value holds. Probes write nothing.
    package var written: Share?, writtenFalsely: Share?
    /// Variance of the activations that its own words explain.
    package var varianceExplained: Double?
}

/// What was measured of one target, on texts of one kind.
package struct TargetMeasure: Codable, Sendable {
    /// By the key of a ``Reader``.
    package var readings: [String: Reading] = [:]
    /// Whether the words that the hidden value decides come.
    package var behaviour = Share()
    /// Whether the words that any fact decides come in texts of the whole world, and nats per token there.
    package var moments = Share(), languageLoss = 0.0
    /// Medians over tokens: distance from the original's activation as a share of its norm, and cosine to it.
    package var driftLength = 0.0, driftCosine = 1.0
    /// Alarms at the hidden value's moments, and at others', above the level that 1% of the original's activations
    /// reach with the same readers; by the key of an ``Alarm``.
    package var alarms: [String: Share] = [:], alarmsElsewhere: [String: Share] = [:]

    mutating func setDrift(_ drift: Drift) { (driftLength, driftCosine) = (drift.length, drift.cosine) }

    /// Notes down where alarms ring.
    ///
    /// - Parameters:
    ///   - scores: of each alarm, a number for each activation.
    ///   - isHidden: whether the hidden value holds there.
    mutating func ring(_ levels: AlarmLevels, _ scores: [Alarm: [Double]], _ isHidden: [Bool]) {
        for (alarm, own) in scores {
            (alarms[alarm.key], alarmsElsewhere[alarm.key]) = levels.shares(alarm, own, isHidden)
        }
    }
}

/// Who looks for a hidden fact.
enum Reader: Hashable {
    /// The pair that is attacked once.
    case attacked
    /// A copy of it that has learnt what the target has become.
    case refreshed
    /// The pair that is attacked and refreshed, in turns.
    case loop
    /// A pair that is refreshed with the same texts, in another order, and never attacked.
    case heldOut
    /// The pair as it was before the first round.
    case frozen
    /// Another pair that is never refreshed.
    case named(String)
    /// A linear probe that was fitted to the original target.
    case oldProbe
    /// One fitted to the target as it is.
    case newProbe
    /// One fitted to it behind another block than the pair's.
    case block(Int)

    var key: String {
        switch self {
        case .attacked: "attacked"
        case .refreshed: "refreshed"
        case .loop: "loop"
        case .heldOut: "held_out"
        case .frozen: "frozen"
        case .named(let name): "reader_\(name)"
        case .oldProbe: "old_probe"
        case .newProbe: "new_probe"
        case .block(let layer): "probe_block_\(layer)"
        }
    }

    var title: String {
        switch self {
        case .attacked: "the attacked pair"
        case .refreshed: "a copy of it, refreshed"
        case .loop: "the pair in the loop"
        case .heldOut: "the pair held out"
        case .frozen: "the first pair"
        case .named(let name): "the reader \(name)"
        case .oldProbe: "a probe of the original"
        case .newProbe: "a probe fitted anew"
        case .block(let layer): "a probe of block \(layer), fitted anew"
        }
    }
}

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
