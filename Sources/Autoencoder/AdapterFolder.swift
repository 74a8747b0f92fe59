import Foundation
import LanguageModel
import Tensors

/// A half of a pair as adapters over a base that it shares: what training changed, and nothing else.
enum AdapterFolder {
    /// Writes a decoder's adapters in PEFT's layout, and what `finish` adds.
    ///
    /// - Parameters:
    ///   - source: what the decoder was opened from.
    ///   - finish: writes more files into the folder, before it appears under its name.
    static func write(
        _ decoder: TransformerDecoder, _ source: ModelSource, to folder: URL, finish: (URL) throws -> Void
    ) throws {
        guard try !source.hasSavedModules() else {
            throw ModelError(
                "\(source.folder.path): its adapter holds whole modules (modules_to_save), which adapters alone do not; merge it into whole weights"
            )
        }
        try Checkpoint.checkWritable(folder)
        try AtomicFolder.write(to: folder) { partial in
            try decoder.writeAdapters(fileNames: source.checkpoint.fileNames, to: partial)
            try finish(partial)
        }
    }
}
