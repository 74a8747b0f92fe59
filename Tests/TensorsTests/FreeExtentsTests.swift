import Tensors
import Testing

/// Free memory as the pool keeps it, without any memory.
@Suite struct FreeExtentsTests {
    @Test("Neighbours become one range, in whatever order they come")
    func joins() {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            var free = FreeExtents()
            for index in order { free.insert(UInt(100 + 10 * index), 10) }
            #expect(free.extents == [.init(start: 100, size: 30)])
            #expect(free.byteCount == 30)
        }
    }

    @Test("The smallest range that is large enough is cut, from below")
    func bestFit() {
        var free = FreeExtents()
        for (start, size) in [(0, 50), (100, 20), (200, 30)] { free.insert(UInt(start), size) }
        #expect(free.take(25) == 200)
        #expect(free.take(20) == 100)
        #expect(free.take(60) == nil)
        #expect(free.extents == [.init(start: 0, size: 50), .init(start: 225, size: 5)])
        #expect(free.byteCount == 55)
    }

    @Test("Whole pages go back, from the largest ranges first; a range without one goes whole")
    func removal() {
        var free = FreeExtents()
        free.insert(5, 40)
        free.insert(102, 6)
        #expect(free.remove(11, page: 10) == [.init(start: 20, size: 20)])
        #expect(free.extents.map(\.start) == [5, 40, 102])
        #expect(free.byteCount == 26)
        #expect(free.remove(21, page: 10).reduce(0) { $0 + $1.size } >= 21)
        #expect(free.byteCount <= 5)
        free.insert(200, 7)
        #expect(free.remove(.max, page: 10).reduce(0) { $0 + $1.size } >= 7)
        #expect(free.extents.isEmpty && free.byteCount == 0)
    }

    @Test("Pieces taken and given back at random never overlap, and nothing is lost")
    func random() {
        var random = Random(seed: 5)
        var free = FreeExtents()
        free.insert(1000, 4000)
        var held: [ClosedRange<UInt>] = []
        for _ in 0..<4000 {
            let size = Int.random(in: 1...200, using: &random)
            if Bool.random(using: &random), let start = free.take(size) {
                let piece = start...start + UInt(size) - 1
                #expect(held.allSatisfy { !$0.overlaps(piece) } && piece.lowerBound >= 1000 && piece.upperBound < 5000)
                held.append(piece)
            } else if !held.isEmpty {
                let piece = held.remove(at: Int.random(in: 0..<held.count, using: &random))
                free.insert(piece.lowerBound, piece.count)
            }
            #expect(free.byteCount + held.reduce(0) { $0 + $1.count } == 4000)
            #expect(zip(free.extents, free.extents.dropFirst()).allSatisfy { $0.start + UInt($0.size) < $1.start })
        }
        for piece in held { free.insert(piece.lowerBound, piece.count) }
        #expect(free.extents == [.init(start: 1000, size: 4000)])
    }
}
