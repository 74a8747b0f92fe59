/// The memory that keys and values of all models of a server may take together. Belongs to the models' thread.
///
/// Work takes what it may come to need before it begins, so that what was begun never lacks memory. Who has to wait is served
/// before those who ask later, or small requests would keep a large one waiting for ever.
package final class CacheBudget {
    /// Bytes.
    package let limit: Int
    /// Bytes that are taken.
    package private(set) var taken = 0
    /// Those who asked for more than there was, in order.
    private var waiting: [ObjectIdentifier] = []

    package init(limit: Int) { self.limit = limit }

    /// Whether somebody waits for memory.
    package var isShort: Bool { !waiting.isEmpty }

    /// Takes bytes, or answers that there are too few left, or that others wait for them. Then `owner` waits, too.
    package func take(_ bytes: Int, for owner: AnyObject) -> Bool {
        let id = ObjectIdentifier(owner)
        guard taken + bytes <= limit, waiting.first.map({ $0 == id }) ?? true else {
            if !waiting.contains(id) { waiting.append(id) }
            return false
        }
        waiting.removeAll { $0 == id }
        taken += bytes
        return true
    }

    /// Takes bytes if nobody waits for them. Does not wait.
    package func takeNow(_ bytes: Int) -> Bool {
        guard waiting.isEmpty, taken + bytes <= limit else { return false }
        taken += bytes
        return true
    }

    /// Gives bytes back.
    package func give(_ bytes: Int) { taken -= bytes }

    /// `owner` no longer wants any.
    package func forget(_ owner: AnyObject) { waiting.removeAll { $0 == ObjectIdentifier(owner) } }
}
