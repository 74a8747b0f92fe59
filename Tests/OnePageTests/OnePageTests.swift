import Foundation
import Testing

import one_page

@Suite("The method on one page")
struct OnePageTests {
    @Test("The pair reads texts it was not trained on; joint training reads more; other words and no words say less")
    func wholeMethod() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("one-page-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let found = try trainPair(in: folder)
        #expect(found.gain > 0.2, "\(found)")
        #expect(found.warmStart > 0.3 && found.teacher > found.warmStart, "\(found)")
        #expect(found.joint > found.warmStart + 0.02, "\(found)")
        #expect(found.otherWords < found.joint - 0.3 && found.noWords < found.joint - 0.3, "\(found)")
    }
}
