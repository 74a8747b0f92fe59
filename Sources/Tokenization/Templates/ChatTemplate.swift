import Foundation
import JSON
/// placeholder
public struct ChatTemplate: Sendable {
    /// placeholder
    public init(source: String) throws {}
}
