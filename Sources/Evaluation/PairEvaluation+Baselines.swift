import Autoencoder
import JSON
import Tensors

extension PairEvaluation {
    /// What tables are worth on the rows of an evaluation, and what a pair's explanations add to the best of them.
    public struct Baselines: Sendable {
        /// What the tables say.
        public let readings: LookupTables.Readings
        /// Each row's normalized error, by table.
        let errors: [LookupTables.Table: [Double]]
        /// The table that explains most of these rows: the one that is hardest to beat here.
        public let best: LookupTables.Table
        /// The error of each row of the best table's vector and the pair's reconstruction together, (1 − w)·t̂ + w·p̂; w is chosen on the other
        /// half of the documents.
        let together: [Double]

        init(_ readings: LookupTables.Readings, _ truths: Tensor, reconstructions: Tensor, documents: [Int]) throws {
            self.readings = readings
            let errors = try readings.vectors.mapValues { try Scores.rows($0, truths).map(\.meanSquaredError) }
            self.errors = errors
            func sum(_ table: LookupTables.Table) -> Double { (errors[table] ?? []).reduce(0, +) }
            let best =
                LookupTables.Table.allCases.filter { errors[$0] != nil }.min { sum($0) < sum($1) } ?? .mean
            self.best = best
            together = Baselines.together(
                readings.vectors[best] ?? reconstructions, reconstructions, truths, documents: documents)
        }

        private static func together(
            _ table: Tensor, _ pair: Tensor, _ truths: Tensor, documents: [Int]
        ) -> [Double] {
            let shares = (0...20).map { Double($0) / 20 }, width = truths.width
            let t = table.floats(), p = pair.floats(), g = truths.floats()
            /// Cosines of t and g, p and g, t and p.
            let cosines = (0..<truths.rows).map { row -> (Double, Double, Double) in
                let range = row * width..<(row + 1) * width
                var tt = 0.0, pp = 0.0, gg = 0.0, tg = 0.0, pg = 0.0, tp = 0.0
                for index in range {
                    let (a, b, c) = (Double(t[index]), Double(p[index]), Double(g[index]))
                    tt += a * a
                    pp += b * b
                    gg += c * c
                    tg += a * c
                    pg += b * c
                    tp += a * b
                }
                func cosine(_ product: Double, _ x: Double, _ y: Double) -> Double {
                    x > 0 && y > 0 ? product / (x * y).squareRoot() : 0
                }
                return (cosine(tg, tt, gg), cosine(pg, pp, gg), cosine(tp, tt, pp))
            }
            func error(_ row: Int, _ share: Double) -> Double {
                let (tg, pg, tp) = cosines[row], rest = 1 - share
                let norm = (rest * rest + share * share + 2 * rest * share * tp).atLeast(1e-12).squareRoot()
                return 2 - 2 * ((rest * tg + share * pg) / norm)
            }
            // Of each half the share that is best on the other one.
            let chosen = (0..<2).map { half in
                let rows = cosines.indices.filter { documents[$0] % 2 != half }
                return shares.min { a, b in
                    rows.reduce(0.0) { $0 + error($1, a) } < rows.reduce(0.0) { $0 + error($1, b) }
                } ?? 0
            }
            return cosines.indices.map { error($0, chosen[documents[$0] % 2]) }
        }

        /// For a report: what was fitted, and the fraction of variance that each explains.
        func json(_ variance: RawVariance) -> JSONValue {
            func explained(_ errors: [Double]) -> JSONValue {
                .number(1 - errors.reduce(0, +) / Double(max(1, errors.count)) / variance.variance)
            }
            var tables = JSONObject()
            for table in LookupTables.Table.allCases {
                guard let own = errors[table] else { continue }
                tables[table.rawValue] = [
                    "fve": explained(own), "met": readings.met[table].map { .number($0) } ?? .null,
                ]
            }
            return [
                "fitted_rows": .integer(readings.fittedRows),
                "fitted_splits": .array(readings.fittedSplits.map { .string($0) }),
                "shrinkage": .number(readings.shrinkage), "best": .string(best.rawValue), "tables": .object(tables),
                "fve_with_best_table": explained(together),
            ]
        }
    }

    /// What is done to an explanation's words before the pair's reader reads them, beside ``ExplanationJudge/Reading``.
    enum Change: String, CaseIterable {
        /// Quoted spans are taken out; what has none stays as it is.
        case withoutQuotes = "without_quotes"
        /// Quoted spans alone are left; nothing of what has none.
        case quotesOnly = "quotes_only"

        var title: String {
            self == .withoutQuotes ? "its quoted spans taken out" : "its quoted spans alone"
        }

        func text(_ written: String) -> String {
            let quotations = Quotations(written)
            return self == .withoutQuotes ? quotations.outside ?? written : quotations.inside ?? ""
        }
    }
}
