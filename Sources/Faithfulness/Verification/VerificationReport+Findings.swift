import Statistics

extension VerificationReport {
    /// What was found, in sentences: of one pair, or from the first pair to the last.
    var findings: [String] {
        [
            sentence(
                ("The words carry ", "fve_written", " of the activations' variance"),
                (", paraphrased ", "fve_paraphrased", "")),
            sentence(
                ("A reader that never met the verbalizer makes ", "second_fve_written", " of the same words"),
                ("; ", "private", " of the variance only the pair understands")),
            sentence(
                (
                    "In the activation's place, what is rebuilt from the words undoes ", "recovered",
                    " of the damage that the mean activation does to the next prediction"
                )),
            sentence(
                ("", "claims_true", " of the claims are true"),
                ("; the confidence tells them from false ones with an area under the ROC curve of ", "auc", ""),
                (", and of those that it believes at 90% or more ", "sure_true", " are true")),
            sentence(
                ("From the words alone the text's true continuation is picked at ", "continuation", " of the places"),
                (", from the activation itself at ", "continuation_vector", "")),
            sentence(
                (
                    "Of latent facts about to matter, a linear reader of what the words rebuild finds ",
                    "facts_words_latent", ""
                ), (", of the activation ", "facts_vector_latent", "")),
        ].compactMap(\.self)
    }

    /// Numbers with the words around them, as far as they were measured; nil without the first.
    private func sentence(_ parts: (before: String, name: String, after: String)...) -> String? {
        let texts = parts.map { part in moved(part.name).map { part.before + $0 + part.after } }
        guard texts.first ?? nil != nil else { return nil }
        return texts.compactMap(\.self).joined() + "."
    }

    /// A number of the last pair with its interval, behind that of the first one if there are several; nil if the last has none.
    private func moved(_ name: String) -> String? {
        guard let last = entries[entries.count - 1].verification[name] else { return nil }
        let text = last.estimate.text(last.style)
        guard entries.count > 1, let first = entries[0].verification[name] else { return text }
        return "\(first.style.text(first.estimate.value)) → \(text)"
    }
}
