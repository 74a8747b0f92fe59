import Foundation
import LanguageModel
import Statistics

extension HideResult {
    /// What an arm shows, by the ``HidingBar``: recall from found to hidden, behaviour kept, and the control still found.
    func verdict(_ arm: String) -> String {
        let original = measures(HideExperiment.original, hiddenCondition)
        let innocent = measures(HideExperiment.innocent, hiddenCondition), pressed = measures(arm, hiddenCondition)
        let recalls = [original, pressed, innocent].map { $0.recall(.attacked) }
        guard let before = recalls[0].estimate?.value, let after = recalls[1].estimate?.value,
            let control = recalls[2].estimate?.value, let behaviour = pressed.behaviour(against: original)
        else { return "\(arm): not all targets are there to say." }
        let isFound =
            recalls[0].isEverywhere(atLeast: HidingBar.found) && recalls[2].isEverywhere(atLeast: HidingBar.found)
        let isHidden = isFound && recalls[1].isEverywhere(atMost: HidingBar.hidden)
        let isHiddenSomewhere = isFound && (recalls[1].parts?.lowerBound ?? 1) <= HidingBar.hidden
        let numbers = String(
            format: "recall %.0f%% → %.0f%% (control %.0f%%), its words %.1f%% → %.1f%%, all words %.1f%% → %.1f%%",
            100 * before, 100 * after, 100 * control, 100 * behaviour.own.before, 100 * behaviour.own.after,
            100 * behaviour.all.before, 100 * behaviour.all.after)
        let finding =
            isHidden && behaviour.isKept
            ? "it is hidden, and the target behaves as before"
            : isHidden
                ? "it is hidden, but the target behaves otherwise"
                : isHiddenSomewhere
                    ? "with some seeds it is hidden, with others it is not"
                    : "it is not hidden by the measure set beforehand"
        return "Pressure through the \(arm): \(finding): \(numbers)."
    }

    /// Who finds it all the same, and which detector tells it best from everything else; nil before that is measured.
    private func detection(_ arm: String) -> String? {
        let pressed = measures(arm, hiddenCondition), innocent = measures(HideExperiment.innocent, hiddenCondition)
        let readers: [Reader] =
            [.refreshed] + named.map { .named($0) } + [.newProbe, .unawareProbe] + blocks.map { .block($0) }
        let found = readers.compactMap { reader -> String? in
            let recall = pressed.recall(reader)
            return recall.estimate == nil ? nil : "\(reader.title): \(percent(recall))"
        }
        guard !found.isEmpty else { return nil }
        let told = detectors.compactMap { detector -> (detector: Detector, share: Share, elsewhere: Share)? in
            let share = pressed.flagged(detector), elsewhere = pressed.flaggedElsewhere(detector)
            return share.estimate == nil || elsewhere.estimate == nil ? nil : (detector, share, elsewhere)
        }
        func difference(_ share: Share, _ elsewhere: Share) -> Double {
            (share.estimate?.value ?? 0) - (elsewhere.estimate?.value ?? 0)
        }
        let best = told.max { difference($0.share, $0.elsewhere) < difference($1.share, $1.elsewhere) }
        let detector = best.map { detector, share, elsewhere in
            let control = innocent.flagged(detector)
            return
                " Of the detectors «\(detector.title)» tells most: it flags \(percent(share)) of the hidden places, \(percent(elsewhere)) of the others, \(percent(control)) of the control's."
        }
        return
            "Pressure through the \(arm): there others tell it, at 1% false positives: \(found.joined(separator: "; "))."
            + (detector ?? "")
    }

    private func percent(_ share: Share) -> String { share.percent(else: "none known") }

    /// What was found, in sentences: of each pressure two.
    package var verdicts: [String] {
        options.changed == nil
            ? options.pressures.map(\.rawValue).filter(arms.contains).flatMap {
                [verdict($0)] + [detection($0)].compactMap(\.self)
            } : [changedVerdict].compactMap(\.self)
    }

    /// What is found of a target that somebody else has changed; nil before it is measured.
    private var changedVerdict: String? {
        let original = measures(HideExperiment.original, hiddenCondition)
        let changed = measures(HideExperiment.changed, hiddenCondition)
        guard !changed.all.isEmpty else { return nil }
        let firing = detectors.filter { detector in
            (changed.flagged(detector).estimate?.value ?? 0) >= 0.5
        }
        let fired = firing.isEmpty ? "none" : firing.map(\.title).joined(separator: "; ")
        return """
            Of the changed target the pair tells \(percent(changed.recall(.attacked))) (of the original \
            \(percent(original.recall(.attacked)))) and writes \(percent(changed.written(.attacked))); a probe fitted \
            anew tells \(percent(changed.recall(.newProbe))). The words that it decides come at \
            \(percent(changed.share(\.behaviour))). Detectors that flag half of the places or more: \(fired). There is no \
            target here that was changed as much innocently: what compares with the original may flag any change.
            """
    }
}
