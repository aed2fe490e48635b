package dev.sfumato.cli;

import java.util.function.Predicate;
import java.util.stream.Stream;
import picocli.CommandLine.Model.CommandSpec;

/**
 * A condition without which some options change nothing.
 *
 * @param options the options' names, with spaces between them
 * @param isMet the condition
 * @param need the condition in words
 */
record OptionNeed<C>(String options, Predicate<C> isMet, String need) {
  /** Returns a sentence about each option of a call that changes nothing. */
  Stream<String> unmet(C call, CommandSpec spec) {
    return isMet.test(call)
        ? Stream.empty()
        : Stream.of(options.split(" "))
            .filter(spec.commandLine().getParseResult()::hasMatchedOption)
            .map(option -> option + " has no effect: it needs " + need);
  }
}
