import Claims
import Runs

extension GrammarName: RunValue {}
