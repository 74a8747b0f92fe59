import GRDB

extension Library {
    /// Makes the tables; a change of them becomes a further migration.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("readings, explanations, notes") { database in
            try database.create(table: "reading") { table in
                table.autoIncrementedPrimaryKey("id")
                table.column("created", .text).notNull()
                table.column("title", .text).notNull()
                table.column("pair", .text).notNull()
                table.column("layer", .integer).notNull()
                table.column("text", .text).notNull()
                table.column("messages", .text)
                table.column("tokens", .text).notNull()
                table.column("truth", .text)
            }
            try database.create(table: "explanation") { table in
                table.autoIncrementedPrimaryKey("id")
                table.belongsTo("reading", onDelete: .cascade).notNull()
                table.column("created", .text).notNull()
                table.column("pair", .text).notNull()
                table.column("position", .integer).notNull()
                table.column("token", .text).notNull()
                table.column("sample", .integer).notNull()
                table.column("text", .text).notNull()
                table.column("description", .text).notNull()
                table.column("complete", .boolean).notNull()
                table.column("mse", .double)
                table.column("cosine", .double)
                table.column("explained", .double)
                table.column("norm", .double)
                table.column("temperature", .double).notNull()
                table.column("seed", .text)
                table.column("agreement", .double)
                table.column("origin", .text).notNull()
                table.column("claims", .text).notNull()
                table.column("activation", .blob)
            }
            try database.create(table: "note") { table in
                table.autoIncrementedPrimaryKey("id")
                table.belongsTo("reading", onDelete: .cascade).notNull()
                table.column("created", .text).notNull()
                table.column("position", .integer)
                table.column("text", .text).notNull()
                table.column("highlighted", .boolean).notNull()
            }
            for (words, table, columns) in [
                ("explanationWords", "explanation", ["description"]), ("readingWords", "reading", ["title", "text"]),
                ("noteWords", "note", ["text"]),
            ] {
                try database.create(virtualTable: words, using: FTS5()) { virtual in
                    virtual.synchronize(withTable: table)
                    virtual.tokenizer = .unicode61()
                    for column in columns { virtual.column(column) }
                }
            }
        }
        return migrator
    }

    /// The tables that words are found in.
    static let wordIndexes = ["explanationWords", "readingWords", "noteWords"]
}
