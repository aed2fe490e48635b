package dev.sfumato.cli;

import static picocli.CommandLine.Model.UsageMessageSpec.SECTION_KEY_COMMAND_LIST;
import static picocli.CommandLine.Model.UsageMessageSpec.SECTION_KEY_DESCRIPTION;
import static picocli.CommandLine.Model.UsageMessageSpec.SECTION_KEY_FOOTER;
import static picocli.CommandLine.Model.UsageMessageSpec.SECTION_KEY_OPTION_LIST;
import static picocli.CommandLine.Model.UsageMessageSpec.SECTION_KEY_PARAMETER_LIST;
import static picocli.CommandLine.Model.UsageMessageSpec.SECTION_KEY_SYNOPSIS;

import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Ansi.Text;
import picocli.CommandLine.IHelpSectionRenderer;
import picocli.CommandLine.Model.CommandSpec;

/**
 * The help of a command, as wide as the terminal. Lines break between words only, which picocli's
 * own do not: it also breaks {@code samples.png} and {@code --batch-size}.
 */
final class HelpPage {
  /** The widest column of names; a longer name has a line of its own. */
  private static final int NAMES = 38;

  private static final Map<String, IHelpSectionRenderer> SECTIONS =
      Map.of(
          SECTION_KEY_SYNOPSIS, HelpPage::synopsis,
          SECTION_KEY_DESCRIPTION, HelpPage::description,
          SECTION_KEY_PARAMETER_LIST, HelpPage::parameters,
          SECTION_KEY_OPTION_LIST, HelpPage::options,
          SECTION_KEY_COMMAND_LIST, HelpPage::commands,
          SECTION_KEY_FOOTER, HelpPage::footer);

  private final StringBuilder text = new StringBuilder();
  private final int width;

  private HelpPage(Help help) {
    width = help.commandSpec().usageMessage().width() - 1;
  }

  /** Designs the help pages of {@code program} and of all its commands. */
  static void design(CommandLine program) {
    program.getHelpSectionMap().putAll(SECTIONS);
    program.getCommandSpec().usageMessage().commandListHeading("%nCommands:%n");
    program.getSubcommands().values().forEach(HelpPage::design);
  }

  private static String synopsis(Help help) {
    String name = help.commandSpec().qualifiedName();
    List<String> words = CommandOutline.synopsis(help.commandSpec());
    HelpPage page = new HelpPage(help);
    int indent = "Usage: ".length() + name.length() + 1;
    page.text.append(name).append(' ');
    page.fill(words, indent, indent, "");
    return page.toString();
  }

  private static String description(Help help) {
    HelpPage page = new HelpPage(help);
    for (String paragraph : help.commandSpec().usageMessage().description()) {
      page.fill(words(paragraph), 0, 0, "");
    }
    return page.toString();
  }

  private static String parameters(Help help) {
    HelpPage page = new HelpPage(help);
    for (var parameter : help.commandSpec().positionalParameters()) {
      Text name = help.colorScheme().parameterText(parameter.paramLabel());
      page.row(name, parameter.description());
    }
    return page.toString();
  }

  private static String options(Help help) {
    HelpPage page = new HelpPage(help);
    CommandOutline.groups(help.commandSpec())
        .forEach(
            (heading, options) -> {
              page.text.append(System.lineSeparator()).append(heading).append(':');
              page.text.append(System.lineSeparator());
              options.forEach(
                  option ->
                      page.row(
                          help.colorScheme().optionText(CommandOutline.names(option)),
                          option.description()));
            });
    return page.toString();
  }

  private static String commands(Help help) {
    HelpPage page = new HelpPage(help);
    for (CommandLine command : help.commandSpec().subcommands().values()) {
      CommandSpec spec = command.getCommandSpec();
      String summary = CommandOutline.summary(spec);
      page.row(help.colorScheme().commandText(spec.name()), new String[] {summary});
    }
    return page.toString();
  }

  /** An example that needs more than a line goes on after a backslash, as a shell wants it. */
  private static String footer(Help help) {
    HelpPage page = new HelpPage(help);
    String[] lines = help.commandSpec().usageMessage().footer();
    if (lines.length > 0) {
      page.text.append(System.lineSeparator());
    }
    for (String line : lines) {
      int indent = line.length() - line.stripLeading().length();
      page.text.append(" ".repeat(indent));
      page.fill(words(line), indent, indent + 4, " \\");
    }
    return page.toString();
  }

  // ---- lines

  private static List<String> words(String text) {
    return List.of(text.strip().split("\\s+(?=[^\"]*(\"[^\"]*\"[^\"]*)*$)"));
  }

  /** Adds names on the left and what they mean on the right. */
  private void row(Text names, String[] description) {
    int column = Math.min(NAMES, width * 2 / 5);
    text.append("  ").append(names);
    int used = 2 + names.plainString().length();
    if (used + 2 > column) {
      text.append(System.lineSeparator());
      used = 0;
    }
    for (String paragraph : description) {
      int indent = column + paragraph.length() - paragraph.stripLeading().length();
      text.append(" ".repeat(indent - used));
      fill(words(paragraph), indent, indent + 2, "");
      used = 0;
    }
  }

  /** Adds words to the last line, which has {@code used} columns, and to indented ones below. */
  private void fill(List<String> words, int used, int indent, String continuation) {
    int at = used;
    String space = "";
    for (String word : words) {
      boolean fits = at + space.length() + word.length() + continuation.length() <= width;
      if (!fits && !space.isEmpty()) {
        text.append(continuation).append(System.lineSeparator()).append(" ".repeat(indent));
        at = indent;
        space = "";
      }
      text.append(space).append(word);
      at += space.length() + word.length();
      space = " ";
    }
    text.append(System.lineSeparator());
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
