package dev.sfumato.cli;

import static picocli.CommandLine.ScopeType.INHERIT;

import java.lang.reflect.Member;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** The help of a command: its options in groups with headings, by the class that declares them. */
final class HelpPage {
  private static final String OWN = "Options";
  private static final String PROGRAM = "Help and errors";

  /** The headings, in their order on the page; a command's own options come first. */
  private static final Map<Class<?>, String> HEADINGS = headings();

  private HelpPage() {}

  private static Map<Class<?>, String> headings() {
    Map<Class<?>, String> headings = new LinkedHashMap<>();
    headings.put(DataArguments.class, "Pictures");
    headings.put(ModelArguments.class, "Model");
    headings.put(WeightArguments.class, "Weights");
    headings.put(TrainingArguments.class, "Training");
    headings.put(OptimizerArguments.class, "Optimiser");
    headings.put(WatchArguments.class, "Samples, checkpoints and logs");
    headings.put(SamplingArguments.class, "Sampling");
    headings.put(TextArguments.class, "Text and start picture");
    headings.put(GuideArguments.class, "Guides");
    headings.put(GuidanceArguments.class, "Guidance");
    headings.put(ClassifierArguments.class, "Classifiers");
    headings.put(ComputeOptions.class, "Computing");
    return headings;
  }

  /** Groups the options on the help pages of {@code program} and of all its commands. */
  static void group(CommandLine program) {
    program.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, HelpPage::options);
    program.getSubcommands().values().forEach(HelpPage::group);
  }

  private static String options(Help help) {
    StringBuilder page = new StringBuilder();
    groups(help.commandSpec())
        .forEach(
            (heading, options) -> {
              Help.Layout layout = help.createDefaultLayout();
              options.forEach(o -> layout.addOption(o, help.createDefaultParamLabelRenderer()));
              page.append(String.format("%n%s:%n", heading)).append(layout);
            });
    return page.toString();
  }

  private static Map<String, List<OptionSpec>> groups(CommandSpec command) {
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
}
