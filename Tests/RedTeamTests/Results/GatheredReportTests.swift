import Foundation
import RedTeam
import Reports
import TestSupport
import Testing

@Suite("Pages gathered")
struct GatheredReportTests {
    @Test("Pages of several folders become one that needs nothing else; a folder without one is named")
    func gathered() throws {
        try withScratch { scratch in
            let folders = try ["a", "b"].map { name in
                let folder = scratch.appending(path: name)
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                let body = HTML.findings(name == "b" ? ["1 < 2."] : []) + "<h2>Numbers</h2><p>\(name)</p>"
                try HTML.page("Page \(name)", body).write(
                    to: folder.appending(path: "report.html"), atomically: true, encoding: .utf8)
                return folder
            }
            let page = try GatheredReport([folders[0], folders[1].appending(path: "report.html")]).html
            #expect(page.contains("<li><a href=\"#part-0\">Page a</a></li>"))
            // What was found stands in the list too.
            #expect(
                page.contains("<li><a href=\"#part-1\">Page b</a><ul class=\"findings\"><li>1 &lt; 2.</li></ul></li>"))
            #expect(page.contains("<h3>Numbers</h3><p>a</p>"))
            #expect(page.components(separatedBy: "<main>").count == 2)
            #expect(message { _ = try GatheredReport([scratch]) }?.contains("no page of an experiment") == true)
        }
    }
}
