/// What the result.json of an arms race holds.
package struct RaceSummary: Codable, Sendable {
    var experiment, pair, fact, value, cover, pressure: String
    var seeds: [Int]
    var intervals: String
    var findings: [String]
    /// Of each arm the original and every stage, in order.
    var arms: NamedValues<[Stage]>

    /// A stage: when it was, and behind that what was measured, all seeds together.
    typealias Stage = Joined<Moment, Measures>

    /// When something was measured.
    struct Moment: Codable, Sendable {
        var round: Int
        var stage: String
        var hidingSteps: Int

        private enum CodingKeys: String, CodingKey {
            case round, stage
            case hidingSteps = "hiding_steps"
        }
    }
}
