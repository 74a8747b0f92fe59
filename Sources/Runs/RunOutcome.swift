/// How a run ended.
public enum RunOutcome<Result: Sendable>: Sendable {
    /// The model folder is written.
    case finished(Result)
    /// An earlier process had finished it.
    case finishedBefore
    /// A signal asked to stop; the run can be resumed.
    case interrupted(step: Int, signal: Int32)
}
