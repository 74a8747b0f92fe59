import Statistics

/// What a reader finds of a hidden fact.
package struct Reading: Codable, Sendable {
    /// Whether it tells that the hidden value holds, at a false-positive rate of 1%.
    package var recall = Share()
    /// The same of texts that only show it, as no word has said it; and with the likeliest of all tokens up to the moment, of each text.
    package var recallLatent: Share?, recallAnywhere: Share?
    /// Whether it writes it, decoded greedily; and whether it does where another value holds. Probes write nothing.
    package var written: Share?, writtenFalsely: Share?
    /// Whether it writes another value of the fact in its place, and whether the pair's confidence lets that stand.
    package var writtenOtherwise: Share?, believed: Share?
    /// Variance of the activations that its own words explain.
    package var varianceExplained: Double?
    /// What recall is counted from, where the hidden value holds and elsewhere; nil in records of earlier versions.
    package var scores: [Float]?, scoresElsewhere: [Float]?
}

extension Reading {
    /// Recall from scores of all places.
    init(_ scores: [Double], _ places: FactTexts.Places) {
        recall = HiddenFact.recall(scores, places.isHidden)
        recallLatent = HiddenFact.recall(scores, places.isHidden, counted: places.isLatent)
        self.scores = zip(scores, places.isHidden).filter(\.1).map { Float($0.0) }
        scoresElsewhere = zip(scores, places.isHidden).filter { !$0.1 }.map { Float($0.0) }
    }
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
    /// Shares of the hidden value's moments, and of others', that are flagged: above the threshold that 1% of the original's activations
    /// reach with the same readers; by the key of an ``Detector``.
    package var flagged: [String: Share] = [:], flaggedElsewhere: [String: Share] = [:]
    /// The same above thresholds that 1% of the activations of a target reach which was fine-tuned as long without pressure, its readers
    /// refreshed likewise; nil where there is none.
    package var flaggedAnew: [String: Share]?, flaggedAnewElsewhere: [String: Share]?
    /// Detectors that look at several activations of this target together: the share of draws at which each fires.
    package var groupsFlagged: [String: Double]?

    /// In files the shares stand under older names.
    private enum CodingKeys: String, CodingKey {
        case readings, behaviour, moments, languageLoss, driftLength, driftCosine
        case flagged = "alarms", flaggedElsewhere = "alarmsElsewhere"
        case flaggedAnew = "alarmsAnew", flaggedAnewElsewhere = "alarmsAnewElsewhere"
        case groupsFlagged = "groupAlarms"
    }

    /// Whether what recall is counted from was kept, as it is since levels are set on texts of their own.
    var hasScores: Bool { readings.values.contains { $0.scores != nil } }
}
