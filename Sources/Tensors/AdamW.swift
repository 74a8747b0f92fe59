import Foundation

/// AdamW (Loshchilov and Hutter 2019) as PyTorch computes it, with clipping of the gradient's global norm.
public struct AdamW: Sendable {
    /// Decay rate of the gradient's mean.
    public var beta1: Float = 0.9
    /// Decay rate of its uncentred variance.
    public var beta2: Float = 0.999
    /// Added to the root of the variance.
    public var epsilon: Float = 1e-8
    /// Decoupled weight decay, per step and unit of learning rate.
    public var weightDecay: Float = 0.01
    /// Whether vectors (biases, the weights of norms) decay too, as they do in PyTorch unless told otherwise.
    public var decaysVectors = true
    /// Largest global gradient norm; nil does not clip.
    public var maximumGradientNorm: Double?
    /// Whether the memory of gradients stays with the parameters from step to step. Where several models take turns, those that
    /// rest had better lend it.
    public var keepsGradientMemory = true
    /// Steps taken.
    public var step = 0
    /// The first parameter whose gradient was NaN or infinite, where that made the last `update` change nothing.
    public private(set) var nonFiniteGradient: String?

    /// PyTorch's defaults, no clipping.
    public init() {}

    /// One step on every parameter that has a gradient; the gradients are cleared. Returns the global gradient norm before
    /// clipping. If the norm is NaN or infinite no weight and no moment is changed, so that a run can stop, or skip the step.
    @discardableResult
    public mutating func update(_ parameters: [Parameter], learningRate: Float) -> Double {
        var squares = 0.0
        nonFiniteGradient = nil
        for parameter in parameters {
            guard let gradient = parameter.rowGradient?.values ?? parameter.gradient else { continue }
            squares += Kernels.sumOfSquares(gradient)
            if !squares.isFinite && nonFiniteGradient == nil { nonFiniteGradient = parameter.name }
        }
        let norm = squares.squareRoot()
        guard norm.isFinite else {
            for parameter in parameters { parameter.clearGradient(keepingMemory: keepsGradientMemory) }
            return norm
        }
        step += 1
        var scale: Float = 1
        if let limit = maximumGradientNorm, norm > limit { scale = Float(limit / (norm + 1e-6)) }
        var settings = Kernels.AdamWStep(
            learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
            gradientScale: scale, step: step)
        for parameter in parameters {
            guard let moments = parameter.moments else { continue }
            defer { parameter.clearGradient(keepingMemory: keepsGradientMemory) }
            settings.weightDecay = decaysVectors || parameter.storage.shape.count > 1 ? weightDecay : 0
            if let rows = parameter.rowGradient {
                Kernels.adamWRows(
                    settings, parameter.value, low: parameter.low, gradient: rows.values, slots: rows.slots,
                    touched: &parameter.touchedRows, first: moments.first, second: moments.second)
                continue
            }
            guard let gradient = parameter.gradient else { continue }
            parameter.markAllRowsTouched()
            Kernels.adamW(
                settings, parameter.value, low: parameter.low, gradient: gradient, first: moments.first,
                second: moments.second)
        }
        return norm
    }
}

/// A learning rate that warms up linearly and then falls along a cosine.
public struct LearningRateSchedule: Sendable {
    /// The highest rate, reached at the end of the warm-up.
    public var peak: Float
    /// Steps of the warm-up: step w has the rate peak · (w + 1) / warmUpSteps.
    public var warmUpSteps: Int
    /// Steps in all; later ones keep the last rate.
    public var totalSteps: Int
    /// The last rate as a share of the peak.
    public var finalShare: Float

    /// A schedule; without a warm-up and with `finalShare` 1 the rate is constant.
    public init(peak: Float, warmUpSteps: Int = 0, totalSteps: Int, finalShare: Float = 0) {
        self.peak = peak
        self.warmUpSteps = warmUpSteps
        self.totalSteps = totalSteps
        self.finalShare = finalShare
    }

    /// The rate of a step, counted from 0.
    public func rate(at step: Int) -> Float {
        if step < warmUpSteps { return peak * Float(step + 1) / Float(warmUpSteps) }
        let length = max(1, totalSteps - warmUpSteps)
        let progress = min(1, Double(step - warmUpSteps) / Double(length))
        let cosine = Float((1 + cos(.pi * progress)) / 2)
        return peak * (finalShare + (1 - finalShare) * cosine)
    }
}
