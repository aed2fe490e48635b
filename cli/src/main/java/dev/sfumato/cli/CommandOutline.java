package dev.sfumato.cli;

import static picocli.CommandLine.ScopeType.INHERIT;

import java.lang.reflect.Member;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The parts of a command that its help and its man page show. */
final class CommandOutline {
  private static final String OWN = "Options";
  private static final String PROGRAM = "Help and errors";

  /** The headings, in their order on the page; a command's own options come first. */
  private static final Map<Class<?>, String> HEADINGS = headings();

  private CommandOutline() {}

  private static Map<Class<?>, String> headings() {
    Map<Class<?>, String> headings = new LinkedHashMap<>();
    headings.put(DataArguments.class, "Pictures");
    headings.put(LoadingArguments.class, "Model");
    headings.put(TrainCommand.class, "Model");
    headings.put(FinetuneCommand.class, "Model");
    headings.put(ModelArguments.class, "Model");
    headings.put(MethodArguments.class, "Method");
    headings.put(WeightArguments.class, "Weights");
    headings.put(TrainingArguments.class, "Training");
    headings.put(OptimizerArguments.class, "Optimiser");
    headings.put(WatchArguments.class, "Samples, checkpoints and logs");
    headings.put(SamplingArguments.class, "Sampling");
    headings.put(TextArguments.class, "Text");
    headings.put(StartArguments.class, "Start picture and mask");
    headings.put(GuideArguments.class, "Guides");
    headings.put(GuidanceArguments.class, "Guidance");
    headings.put(ClassifierArguments.class, "Classifiers");
    headings.put(DeviceOptions.class, "Computing");
    headings.put(ComputeOptions.class, "Computing");
    return headings;
  }

  /** Returns the first paragraph about a command. */
  static String summary(CommandSpec command) {
    return command.usageMessage().description()[0];
  }

  /** Returns what follows the command's name: what it requires, and that it takes options. */
  static List<String> synopsis(CommandSpec command) {
    List<String> words = new ArrayList<>();
    for (OptionSpec option : command.options()) {
      if (option.required() && option.group() == null) {
        words.add(option.longestName() + label(command, option));
      }
    }
    words.add("[OPTION...]");
    command.positionalParameters().forEach(parameter -> words.add(label(command, parameter)));
    if (!command.subcommands().isEmpty()) {
      words.add("COMMAND");
    }
    return words;
  }

  /** Returns the options under their headings. */
  static Map<String, List<OptionSpec>> groups(CommandSpec command) {
    Map<String, List<OptionSpec>> groups = new LinkedHashMap<>();
    groups.put(OWN, new ArrayList<>());
    HEADINGS.values().forEach(heading -> groups.put(heading, new ArrayList<>()));
    groups.put(PROGRAM, new ArrayList<>());
    for (OptionSpec option : command.options()) {
      if (!option.hidden()) {
        groups.get(heading(option)).add(option);
      }
    }
    groups.values().removeIf(List::isEmpty);
    return groups;
  }

  private static String heading(OptionSpec option) {
    boolean ofProgram = option.usageHelp() || option.versionHelp() || option.scopeType() == INHERIT;
    return option.userObject() instanceof Member member && !ofProgram
        ? HEADINGS.getOrDefault(member.getDeclaringClass(), OWN)
        : PROGRAM;
  }

  /** Returns an option's names and the form of its value. Long names stand below each other. */
  static String names(OptionSpec option) {
    String names = String.join(", ", option.names());
    String both = option.negatable() ? names.replaceFirst("^--", "--[no-]") : names;
    return (both.startsWith("--") ? "    " : "") + both + label(option.command(), option);
  }

  private static String label(CommandSpec command, ArgSpec argument) {
    if (!argument.splitRegex().isEmpty() && argument.paramLabel().contains("|")) {
      return "=" + argument.paramLabel() + "[,...]"; // not all choices again
    }
    Help.IParamLabelRenderer labels =
        new Help(command, Help.defaultColorScheme(Help.Ansi.OFF)).createDefaultParamLabelRenderer();
    return labels.renderParameterLabel(argument, Help.Ansi.OFF, List.of()).toString();
  }
}
