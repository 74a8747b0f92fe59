import JSON

/// What came of an experiment.
public protocol ExperimentResult {
    /// For a program.
    var json: JSONValue { get }
    /// For a person: Markdown tables.
    var table: String { get }
}

extension VectorResult: ExperimentResult {}
extension HideResult: ExperimentResult {}
extension RaceResult: ExperimentResult {}
extension FrontierResult: ExperimentResult {}
