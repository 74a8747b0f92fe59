extension String {
    /// Whether it has more than so many characters (Unicode scalars).
    func isLonger(than limit: Int) -> Bool {
        // Bytes are at least characters; counting these takes longer.
        utf8.count > limit && unicodeScalars.count > limit
    }
}
