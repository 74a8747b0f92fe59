/// One weight matrix with its bias, for `Tape.linear`.
public struct LinearOperand {
    /// [out, in]
    public let weight: Parameter
    /// [out]
    public let bias: Parameter?

    /// A weight, with a bias or without.
    public init(weight: Parameter, bias: Parameter? = nil) {
        self.weight = weight
        self.bias = bias
    }
}

extension Tape {
    /// x · Wᵀ + b for several weights at once, in one round of the worker threads.
    ///
    /// - Parameters:
    ///   - x: [rows, in], in the tape's precision.
    ///   - operands: the weights, of any floating-point type; those of another type than x are converted on the way.
    ///   - type: the results' element type.
    /// - Returns: [rows, out] for each weight. Gradients may come back in float32 or in `type`.
    public func linear(_ x: Variable, _ operands: [LinearOperand], to type: ElementType = .float32) -> [Variable] {
        let outputs = operands.map { Tensor(uninitialized: [x.value.rows, $0.weight.storage.rows], type) }
        multiply(x.value, operands, into: outputs, accumulate: false)
        return zip(operands, outputs).map { operand, output in
            result(output, from: [x], parameters: [operand.weight, operand.bias]) { gradient in
                self.linearBackward(x, operand, gradient)
            }
        }
    }

    /// x · Wᵀ + b for one weight.
    public func linear(_ x: Variable, _ operand: LinearOperand, to type: ElementType = .float32) -> Variable {
        linear(x, [operand], to: type)[0]
    }

    /// sum + x · Wᵀ + b. A tape that does not record writes the result over `sum`.
    public func linear(_ x: Variable, _ operand: LinearOperand, addedTo sum: Variable) -> Variable {
        let output = isRecording ? sum.value.copy() : sum.value
        multiply(x.value, [operand], into: [output], accumulate: true)
        return result(output, from: [x, sum], parameters: [operand.weight, operand.bias]) { gradient in
            self.linearBackward(x, operand, gradient)
            sum.receive(gradient)
        }
    }

    private func multiply(_ x: Tensor, _ operands: [LinearOperand], into outputs: [Tensor], accumulate: Bool) {
        require(x.elementType == precision.elementType, "\(precision) products of a \(x.elementType) input")
        Product.run(
            zip(operands, outputs).map { operand, output in
                let weight = operand.weight.storage
                require(weight.width == x.width, "\(operand.weight.name) is \(weight.shape), its input \(x.shape)")
                // The kernel wants biases in float32; they are short.
                return Product(
                    a: x, b: weight, bIsTransposed: true, bias: operand.bias?.value.converted(to: .float32), c: output,
                    accumulates: accumulate)
            })
    }

    private func linearBackward(_ x: Variable, _ operand: LinearOperand, _ gradient: Tensor) {
        let dy = gradient.converted(to: precision.elementType)
        if let bias = operand.bias, bias.isTrainable {
            let (memory, accumulate) = bias.gradientTarget()
            Kernels.columnSums(gradient, to: memory, accumulate: accumulate)
        }
        var products: [Product] = []
        if x.needsGradient {
            let (dx, accumulate) = x.gradientTarget()
            products.append(Product(a: dy, b: operand.weight.storage, c: dx, accumulates: accumulate))
        }
        if operand.weight.isTrainable { products.append(weightGradient(of: operand.weight, dy: dy, x: x.value)) }
        Product.run(products)
    }

    /// dW (+)= dyᵀ · x
    private func weightGradient(of parameter: Parameter, dy: Tensor, x: Tensor) -> Product {
        let (memory, accumulate) = parameter.gradientTarget()
        return Product(a: dy, aIsTransposed: true, b: .dense(x), c: memory, accumulates: accumulate)
    }
}

/// One part of the logits, x · Wᵀ: the output matrix, or an adapter beside it. Logits are the sum of their parts.
public struct LogitPart {
    /// [rows, in], in the tape's precision.
    public let input: Variable
    /// [vocabulary, in]
    public let table: Parameter

    /// A part.
    public init(_ input: Variable, table: Parameter) {
        self.input = input
        self.table = table
    }
}

extension Tape {
    /// Logits in float32, without a gradient, for reading and sampling: [rows, vocabulary].
    public func logits(_ parts: [LogitPart]) -> Tensor {
        require(!parts.isEmpty, "logits of no parts")
        return logits(parts, 0..<parts[0].input.value.rows)
    }

    private func logits(_ parts: [LogitPart], _ rows: Range<Int>) -> Tensor {
        let output = Tensor(uninitialized: [rows.count, parts[0].table.storage.rows], .float32)
        for (index, part) in parts.enumerated() {
            multiply(
                part.input.value.rows(rows), [LinearOperand(weight: part.table)], into: [output], accumulate: index > 0)
        }
        return output
    }

    /// log P(target) under softmax(x · Wᵀ) for each row, without ever holding all the logits.
    ///
    /// The softmax of a block of rows is kept for the way back, in the tape's precision, while `keptBytes` last; beyond that it
    /// is computed again.
    ///
    /// - Parameters:
    ///   - parts: what the logits are the sum of, all with the same rows and vocabulary.
    ///   - targets: one id per row.
    /// - Returns: [rows], float32. A loss is arithmetic on these; its derivative by them is what `backward` takes.
    public func tokenLogProbabilities(_ parts: [LogitPart], targets: [Int32], keptBytes: Int = 600 << 20) -> Variable {
        require(!parts.isEmpty, "logits of no parts")
        let rows = parts[0].input.value.rows, vocabulary = parts[0].table.storage.rows
        require(
            parts.allSatisfy { $0.input.value.rows == rows && $0.table.storage.rows == vocabulary },
            "parts of other shapes")
        require(targets.count == rows, "\(targets.count) targets for \(rows) rows")
        require(
            targets.allSatisfy { $0 >= 0 && Int($0) < vocabulary }, "a target outside the vocabulary of \(vocabulary)")
        let output = Tensor(uninitialized: [rows], .float32)
        let type = precision.elementType
        // Large enough that the table's gradient, which is read and written for each, costs little beside the products.
        let block = max(16, min(rows, (96 << 20) / vocabulary))
        let mayKeep = isRecording && parts.contains { $0.input.needsGradient || $0.table.isTrainable }
        var kept: [Tensor?] = []
        var left = keptBytes
        for begin in stride(from: 0, to: rows, by: block) {
            let range = begin..<min(rows, begin + block)
            let bytes = range.count * vocabulary * type.byteCount
            let probabilities = mayKeep && bytes <= left ? Tensor(uninitialized: [range.count, vocabulary], type) : nil
            if probabilities != nil { left -= bytes }
            softmax(parts, targets, range, output, into: probabilities)
            kept.append(probabilities)
        }
        return result(output, from: parts.map(\.input), parameters: parts.map(\.table)) { gradient in
            let targetsOfParts = parts.map { $0.input.needsGradient ? $0.input.gradientTarget() : nil }
            for (index, begin) in stride(from: 0, to: rows, by: block).enumerated() {
                let range = begin..<min(rows, begin + block)
                let dlogits = kept[index] ?? Tensor(uninitialized: [range.count, vocabulary], type)
                if kept[index] == nil {
                    self.softmax(parts, targets, range, Tensor(uninitialized: [rows], .float32), into: dlogits)
                }
                kept[index] = nil
                Kernels.tokenLogProbabilitiesBackward(
                    dlogits, targets: Array(targets[range]), logProbabilities: output.rows(range),
                    coefficients: gradient.rows(range))
                for (part, dx) in zip(parts, targetsOfParts) { self.logitsBackward(part, dx, dlogits, range) }
            }
        }
    }

    /// log P(target) for logits of one part.
    public func tokenLogProbabilities(
        _ x: Variable, table: Parameter, targets: [Int32], keptBytes: Int = 600 << 20
    ) -> Variable {
        tokenLogProbabilities([LogitPart(x, table: table)], targets: targets, keptBytes: keptBytes)
    }

    func logitsBackward(
        _ part: LogitPart, _ dx: (memory: Tensor, accumulate: Bool)?, _ dlogits: Tensor, _ range: Range<Int>
    ) {
        var products: [Product] = []
        if let dx {
            products.append(
                Product(a: dlogits, b: part.table.storage, c: dx.memory.rows(range), accumulates: dx.accumulate))
        }
        if part.table.isTrainable {
            products.append(weightGradient(of: part.table, dy: dlogits, x: part.input.value.rows(range)))
        }
        Product.run(products)
    }

    /// The softmax of rows, a part of them at a time: about 64 MiB of logits.
    private func softmax(
        _ parts: [LogitPart], _ targets: [Int32], _ range: Range<Int>, _ output: Tensor, into probabilities: Tensor?
    ) {
        let most = max(16, (16 << 20) / parts[0].table.storage.rows)
        for begin in stride(from: range.lowerBound, to: range.upperBound, by: most) {
            let some = begin..<min(range.upperBound, begin + most), logits = logits(parts, some)
            Kernels.tokenLogProbabilities(
                logits, targets: Array(targets[some]), to: output.rows(some),
                probabilities: probabilities?.rows(
                    some.lowerBound - range.lowerBound..<some.upperBound - range.lowerBound))
        }
    }
}
