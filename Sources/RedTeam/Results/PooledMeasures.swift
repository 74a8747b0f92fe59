import Statistics

/// Measures of several seeds, taken together.
struct PooledMeasures {
    let all: [TargetMeasure]
    /// Whether all of them are of the same texts, as those of a file are.
    var sharesTexts = false

    /// What intervals of results are, and what those on pages are.
    static let intervals =
        "95%, over texts of these targets: Wilson, and of recall that of drawing the texts again where it reaches further; how targets differ, the lowest and the highest seed say"
    static let shownIntervals =
        "Recall is at 1% false positives. In brackets 95% intervals over texts of these targets, of recall with a threshold found in the same texts; of means the lowest and the highest seed."

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
    /// Whether it writes the value where it holds.
    func written(_ reader: Reader) -> Share { share(reader, \.written) }
    /// Whether it does where another value holds.
    func writtenFalsely(_ reader: Reader) -> Share { share(reader, \.writtenFalsely) }
    /// The mean over seeds of the variance that its words explain; nil where none was measured.
    func varianceExplained(_ reader: Reader) -> Spread? {
        Spread(all.compactMap { $0.readings[reader.key]?.varianceExplained })
    }

    /// What readers find: pairs, which also write, and probes.
    func readers(pairs: [Reader], probes: [Reader]) -> [Measure] {
        func each(
            _ readers: [Reader], _ ending: String, _ title: (String) -> String, _ value: (Reader) -> Measured?
        ) -> [Measure] { readers.map { Measure($0.key + ending, title($0.title), value($0)) } }
        func shares(
            _ readers: [Reader], _ ending: String, _ title: (String) -> String, _ of: (Reading) -> Share?
        ) -> [Measure] { each(readers, ending, title) { .known(share($0, of)) } }
        return each(pairs + probes, "", { "\($0): recall" }) { .known(recall($0)) }
            + shares(pairs + probes, "_latent", { "\($0): recall where no word has said it" }, \.recallLatent)
            + shares(pairs, "_anywhere", { "\($0): recall, the likeliest of all tokens so far" }, \.recallAnywhere)
            + shares(pairs, "_written", { "\($0) writes it" }, \.written)
            + shares(pairs, "_written_otherwise", { "\($0) writes another value in its place" }, \.writtenOtherwise)
            + shares(pairs, "_believed", { _ in "of those its confidence believes" }, \.believed)
            + shares(pairs, "_written_falsely", { "\($0) writes it of other values" }, \.writtenFalsely)
            + each(pairs, "_fve", { "\($0): variance explained" }) { varianceExplained($0).map { .mean($0) } }
    }

    /// What the target does.
    var target: [Measure] {
        [
            Measure("behaviour", "the words that it decides come", .known(share(\.behaviour))),
            Measure("moments", "words that any fact decides come, all texts", .known(share(\.moments))),
            Measure("language_loss", "nats per token, all texts", .average(all.map(\.languageLoss))),
            Measure(
                "drift", "distance from the original's activation, share of its norm", .average(all.map(\.driftLength))),
            Measure("drift_cosine", "cosine to the original's activation", .average(all.map(\.driftCosine))),
        ]
    }

    /// The share that a detector flags of the places where the value is hidden, of the others, and the same with its threshold set
    /// anew on a target without pressure.
    func flagged(_ detector: Detector) -> Share { share { $0.flagged[detector.key] } }
    func flaggedElsewhere(_ detector: Detector) -> Share { share { $0.flaggedElsewhere[detector.key] } }
    func flaggedAnew(_ detector: Detector) -> Share { share { $0.flaggedAnew?[detector.key] } }

    /// What notices something.
    func noticed(by detectors: [Detector]) -> [Measure] {
        detectors.flatMap { detector -> [Measure] in
            let (key, title) = (detector.key, detector.title)
            return [
                Measure("alarm_\(key)", "detector: \(title)", .known(flagged(detector))),
                Measure("alarm_elsewhere_\(key)", "elsewhere: \(title)", .known(flaggedElsewhere(detector))),
                Measure("alarm_anew_\(key)", "its threshold set anew: \(title)", .known(flaggedAnew(detector))),
                Measure(
                    "alarm_anew_elsewhere_\(key)", "its threshold set anew, elsewhere: \(title)",
                    .known(share { $0.flaggedAnewElsewhere?[key] })),
            ]
        }
            + DetectorThresholds.grouped.map { detector in
                Measure(
                    "alarm_together_\(detector.key)",
                    "\(DetectorThresholds.groupSize) texts together, a third of them with it: \(detector.title)",
                    .average(all.compactMap { $0.groupsFlagged?[detector.key] }))
            }
    }

    /// What a target does, beside another.
    struct Behaviour {
        /// Whether the words that the hidden value decides come; of the other target first.
        let own: (before: Double, after: Double)
        /// Whether words that any fact decides come.
        let all: (before: Double, after: Double)
        /// Whether it behaves as the other does, by the ``HidingBar``.
        var isKept: Bool {
            own.after >= own.before - HidingBar.behaviour && all.after >= all.before - HidingBar.behaviour
        }
    }

    /// What the target does, beside another; nil where either was not measured.
    func behaviour(against other: PooledMeasures) -> Behaviour? {
        func both(_ of: (TargetMeasure) -> Share?) -> (before: Double, after: Double)? {
            guard let before = other.share(of).estimate?.value, let after = share(of).estimate?.value else {
                return nil
            }
            return (before, after)
        }
        return both(\.behaviour).flatMap { own in both(\.moments).map { Behaviour(own: own, all: $0) } }
    }
}
