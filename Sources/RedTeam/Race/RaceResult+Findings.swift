import Foundation
import Statistics

extension RaceResult {
    /// What it shows, in sentences; none before the first round is done.
    package var findings: [String] {
        let pressed = points(.pressed)
        guard let original = pressed.first, original.stage == nil,
            let first = pressed.first(where: { $0.stage == .hidden }),
            let last = pressed.last(where: { $0.stage == .hidden }),
            let refreshed = pressed.last(where: { $0.stage == .refreshed })
        else { return [] }
        return [
            inTheLoop(pressed), catchesUp(refreshed), effort(first, last), gap(last), probed(last),
            behaviour(original, last), control(), flaggedSentence(last),
        ].compactMap(\.self)
    }

    /// Recall after hiding and after the refresh, round by round.
    private func inTheLoop(_ pressed: [Point]) -> String? {
        func list(_ stage: RaceStage) -> String {
            pressed.filter { $0.stage == stage }.map { $0.recall(.loop).percent() }.joined(separator: ", ")
        }
        return """
            The pair in the loop tells, round by round, \(list(.hidden)) after hiding, and \(list(.refreshed)) once it \
            is refreshed.
            """
    }

    /// Whether a refresh brings the fact back, in the loop and out of it.
    private func catchesUp(_ refreshed: Point) -> String? {
        func verdict(_ reader: Reader) -> String {
            let share = refreshed.recall(reader), lowest = share.parts?.lowerBound ?? 1
            let word =
                share.isEverywhere(atLeast: HidingBar.found)
                ? "reads it"
                : share.isEverywhere(atMost: HidingBar.hidden)
                    ? "does not" : lowest <= HidingBar.hidden ? "is unlike from seed to seed" : "reads part of it"
            return "\(reader.title) \(word) (\(share.text))"
        }
        let written = refreshed.measures.written(.loop).percent(),
            falsely = refreshed.measures.writtenFalsely(.loop).percent()
        return """
            After the last refresh \(pairs.map(verdict).joined(separator: ", ")). The one in the loop writes it at \
            \(written) of the places where it holds, and at \(falsely) of those where another value does.
            """
    }

    /// Whether hiding gets harder from round to round.
    private func effort(_ first: Point, _ last: Point) -> String? {
        guard first.round < last.round, let change = comparison(last.recall(.loop), first.recall(.loop)) else {
            return nil
        }
        let word = ["better than", "as well as", "less well than"][change + 1]
        return """
            As many steps against a refreshed pair hide the fact \(word) against the first: \
            \(first.recall(.loop).percent()) is left to be read after round \(first.round), \
            \(last.recall(.loop).percent()) after round \(last.round).
            """
    }

    /// Whether hiding from the pair in the loop is hiding from one that is not: the Goodhart question.
    private func gap(_ last: Point) -> String? {
        let own = last.recall(.loop), other = last.recall(.heldOut)
        guard let change = comparison(other, own) else { return nil }
        let word = [
            "the pair held out sees even less than the one that is attacked",
            "what is hidden from the pair in the loop is hidden from the pair held out as well",
            "the pair in the loop is deceived more than the one held out",
        ][change + 1]
        return "After the last hiding \(word): \(own.text) against \(other.text)."
    }

    private func probed(_ last: Point) -> String? {
        let all = probes.map { "\($0.title) \(last.recall($0).text)" }.joined(separator: ", ")
        let best = probes.filter { $0 != .oldProbe }.max {
            (last.recall($0).estimate?.value ?? 0) < (last.recall($1).estimate?.value ?? 0)
        }
        let isThere = best.map { (last.recall($0).estimate?.value ?? 0) >= HidingBar.found } ?? false
        let finding =
            isThere ? "still there to be read" : "no longer there for a linear reader to find at nine in ten texts"
        return "Of linear probes after the last hiding: \(all). The fact is \(finding)."
    }

    private func behaviour(_ original: Point, _ last: Point) -> String? {
        guard let behaviour = last.measures.behaviour(against: original.measures) else { return nil }
        let losses = [original, last].map { Spread($0.records.map(\.measure.languageLoss))?.mean ?? 0 }
        return String(
            format: """
                The target behaves %@: the words that the fact decides %.1f%% → %.1f%%, all such words %.1f%% → \
                %.1f%%, %.3f → %.3f nats per token.
                """,
            behaviour.isKept ? "as before, within two points" : "otherwise", 100 * behaviour.own.before,
            100 * behaviour.own.after, 100 * behaviour.all.before, 100 * behaviour.all.after, losses[0], losses[1])
    }

    /// What fine-tuning and refreshing do without pressure.
    private func control() -> String? {
        let points = points(.innocent)
        guard let hidden = points.last(where: { $0.stage == .hidden }) else { return nil }
        let after = points.last { $0.stage == .refreshed }.map { ", \($0.recall(.loop).text) once it is refreshed" }
        let before = hidden.recall(.loop).text
        return "Without pressure the pair in the loop tells \(before) after as many steps\(after ?? "")."
    }

    /// Which detectors fire where it is hidden, and whether they fire without pressure too.
    private func flaggedSentence(_ last: Point) -> String? {
        let calm = points(.innocent).last { $0.stage == .hidden && $0.round == last.round }
        var firing: [String] = [], silent: [String] = []
        for detector in detectors {
            let share = last.measures.flagged(detector)
            guard let value = share.estimate?.value else { continue }
            let elsewhere = last.measures.flaggedElsewhere(detector).percent()
            let anew = last.measures.flaggedAnew(detector)
            let again = anew.count > 0 ? ", \(anew.percent()) with its threshold set anew" : ""
            let control =
                calm.map { ", \($0.measures.flagged(detector).percent()) without pressure" } ?? ""
            if max(value, anew.estimate?.value ?? 0) >= 0.5 {
                firing.append(
                    "\(detector.title) (\(share.percent()), \(elsewhere) where nothing is hidden\(control)\(again))")
            } else {
                silent.append("\(detector.title) (\(share.percent())\(again))")
            }
        }
        func list(_ detectors: [String]) -> String { detectors.isEmpty ? "none" : detectors.joined(separator: "; ") }
        return """
            Detectors that flag half of the hidden places or more after the last hiding: \(list(firing)). Fewer: \
            \(list(silent)).
            """
    }

    /// −1 if a share's interval, and that of its seeds, lies below another's, 1 if it lies above, 0 where they overlap.
    private func comparison(_ share: Share, _ other: Share) -> Int? {
        guard let own = share.estimate?.interval, let theirs = other.estimate?.interval else { return nil }
        let wholes = (own: share.parts ?? own, theirs: other.parts ?? theirs)
        if own.upperBound < theirs.lowerBound, wholes.own.upperBound <= wholes.theirs.lowerBound { return -1 }
        if own.lowerBound > theirs.upperBound, wholes.own.lowerBound >= wholes.theirs.upperBound { return 1 }
        return 0
    }
}
