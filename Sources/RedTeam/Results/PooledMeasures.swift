import JSON
import Statistics

/// Measures of several seeds, taken together.
struct PooledMeasures {
    let all: [TargetMeasure]
    /// Whether all of them are of the same texts, as those of a file are.
    var sharesTexts = false

    /// A number under its name; nil where there is none.
    typealias Line = (key: String, title: String, value: Measured?)

    /// For a program: every number that there is.
    static func json(_ lines: [Line]) -> JSONObject {
        JSONObject(lines.compactMap { line in line.value?.value == nil ? nil : line.value.map { (line.key, $0.json) } })
    }

    func share(_ of: (TargetMeasure) -> Share?) -> Share {
        var share = Share(pooling: all.compactMap(of))
        if sharesTexts { share.repeats = max(1, all.count) }
        return share
    }

    /// Texts with the hidden value and without it, of one target.
    var texts: (hidden: Int, others: Int)? {
        all.first.flatMap { first in
            first.readings.values.first { $0.writtenFalsely != nil }.map {
                ($0.recall.count, $0.writtenFalsely?.count ?? 0)
            }
        }
    }

    private func share(_ reader: Reader, _ of: (Reading) -> Share?) -> Share {
        share { $0.readings[reader.key].flatMap(of) }
    }

    /// A reader's recall at a false-positive rate of 1%.
    func recall(_ reader: Reader) -> Share {
        var share = share(reader, \.recall)
        let scores = all.compactMap { $0.readings[reader.key] }.compactMap { reading in
            reading.scores.flatMap { own in reading.scoresElsewhere.map { (own, $0) } }
        }
        if scores.count == all.count { share.resampled = RecallInterval(scores)?.range }
        return share
    }
    /// The same where no word has said it.
    func recallLatent(_ reader: Reader) -> Share { share(reader, \.recallLatent) }
    /// The same of the likeliest of all tokens up to the moment.
    func recallAnywhere(_ reader: Reader) -> Share { share(reader, \.recallAnywhere) }
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
        lines += (pairs + probes).map { reader -> Line in
            ("\(reader.key)_latent", "\(reader.title): recall where no word has said it", .share(recallLatent(reader)))
        }
        lines += pairs.map { reader -> Line in
            (
                "\(reader.key)_anywhere", "\(reader.title): recall, the likeliest of all tokens so far",
                .share(recallAnywhere(reader))
            )
        }
        lines += pairs.map { reader -> Line in
            ("\(reader.key)_written", "\(reader.title) writes it", .share(written(reader)))
        }
        lines += pairs.map { reader -> Line in
            (
                "\(reader.key)_written_otherwise", "\(reader.title) writes another value in its place",
                .share(share(reader, \.writtenOtherwise))
            )
        }
        lines += pairs.map { reader -> Line in
            (
                "\(reader.key)_believed", "of those its confidence believes", .share(share(reader, \.believed))
            )
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
    func lines(_ detectors: [Detector]) -> [Line] {
        detectors.flatMap { detector -> [Line] in
            [
                ("alarm_\(detector.key)", "detector: \(detector.title)", .share(share { $0.flagged[detector.key] })),
                (
                    "alarm_elsewhere_\(detector.key)", "elsewhere: \(detector.title)",
                    .share(share { $0.flaggedElsewhere[detector.key] })
                ),
                (
                    "alarm_anew_\(detector.key)", "its threshold set anew: \(detector.title)",
                    .share(share { $0.flaggedAnew?[detector.key] })
                ),
                (
                    "alarm_anew_elsewhere_\(detector.key)", "its threshold set anew, elsewhere: \(detector.title)",
                    .share(share { $0.flaggedAnewElsewhere?[detector.key] })
                ),
            ]
        }
            + DetectorThresholds.grouped.map { detector -> Line in
                (
                    "alarm_together_\(detector.key)",
                    "\(DetectorThresholds.groupSize) texts together, a third of them with it: \(detector.title)",
                    .average(all.compactMap { $0.groupsFlagged?[detector.key] })
                )
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
