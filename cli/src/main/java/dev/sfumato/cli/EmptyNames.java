package dev.sfumato.cli;

import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.ParameterException;

/**
 * Refuses empty names of files. They come from variables of the shell that are not set, and would
 * mean the current folder.
 */
final class EmptyNames {
  private static final Pattern FILES = Pattern.compile(".*\\b(FILE|DIR|DATA|ID)\\b.*");

  private EmptyNames() {}

  /**
   * Looks at the arguments of a call that name files.
   *
   * @throws ParameterException naming the one that is empty
   */
  static void refuse(CommandLine called) {
    for (ArgSpec argument : called.getParseResult().matchedArgs()) {
      if (FILES.matcher(argument.paramLabel()).matches() && argument.stringValues().contains("")) {
        throw new ParameterException(
            called, CallError.name(argument) + " is empty: it needs " + argument.paramLabel());
      }
    }
  }
}
