import JSON

/// What the result.json of a target that hides holds: the experiment, and behind it each target under its arm.
package typealias HideSummary = Joined<HideHead, NamedValues<HiddenTarget>>

/// What was hidden from whom, and what was found.
package struct HideHead: Codable, Sendable {
    var experiment, pair, fact, value, cover: String
    @Nullable var trigger: String?
    var seeds: [Int]
    var intervals: String
    var verdicts: [String]
    /// Minutes that it took to make and to measure targets; nil if some of it is not known.
    var minutes: Double?
}

/// What was measured of one arm's targets, all seeds together.
package struct HiddenTarget: Codable, Sendable {
    /// On texts as they are; where there is a trigger, behind it and behind words that mean nothing, too.
    var plain: Measures
    var trigger: Measures?, otherTrigger: Measures?
    /// The attacked reader's recall of each seed.
    var seeds: Measures
    /// What it found while the target was fine-tuned; nil where nobody looked.
    var looks: Looks?

    private enum CodingKeys: String, CodingKey {
        case plain, trigger
        case otherTrigger = "other_trigger"
        case seeds = "by_seed"
        case looks
    }

    /// Recall over steps, and the first look at which it was hidden.
    struct Looks: Codable, Sendable {
        var recall: [Look]
        @Nullable var stepsUntilHidden: Int?

        private enum CodingKeys: String, CodingKey {
            case recall
            case stepsUntilHidden = "steps_until_hidden"
        }
    }

    /// Recall after some steps.
    typealias Look = Joined<Step, MeasuredShare>

    /// When somebody looked.
    struct Step: Codable, Sendable { let step: Int }
}
