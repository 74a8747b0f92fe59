import Foundation
import Tensors

extension RotaryConfiguration {
    /// Angles per position of each pair of a head, as transformers computes them (in float32, so that long positions agree).
    func frequencies(headWidth: Int) -> [Float] {
        let plain = (0..<headWidth / 2).map { 1 / Float(pow(base, Double(Float(2 * $0) / Float(headWidth)))) }
        switch scaling {
        case .none: return plain
        case .linear(let factor): return plain.map { $0 / Float(factor) }
        case .llama3(let factor, let low, let high, let length):
            return plain.map { frequency in
                let wavelength = 2 * Double.pi / Double(frequency)
                if wavelength < length / high { return frequency }
                if wavelength > length / low { return frequency / Float(factor) }
                let smooth = Float((length / wavelength - low) / (high - low))
                return (1 - smooth) * frequency / Float(factor) + smooth * frequency
            }
        }
    }

    /// Cosines and sines for positions 0..<positions.
    func table(headWidth: Int, positions: Int) -> RotaryTable {
        let frequencies = frequencies(headWidth: headWidth)
        var cosines: [Float] = [], sines: [Float] = []
        cosines.reserveCapacity(positions * frequencies.count)
        sines.reserveCapacity(positions * frequencies.count)
        for position in 0..<positions {
            for frequency in frequencies {
                let angle = Float(position) * frequency
                cosines.append(Float(Foundation.cos(Double(angle))))
                sines.append(Float(Foundation.sin(Double(angle))))
            }
        }
        let shape = [positions, frequencies.count]
        return RotaryTable(cosine: Tensor(cosines, shape: shape), sine: Tensor(sines, shape: shape))
    }
}
