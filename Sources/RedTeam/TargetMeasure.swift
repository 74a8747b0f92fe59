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
}
