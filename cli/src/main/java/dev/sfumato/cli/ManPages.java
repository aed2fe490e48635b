package dev.sfumato.cli;

import dev.sfumato.io.AtomicFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Writes the manual pages of the release archive: one for the program, one for each command. */
public final class ManPages {
  private final StringBuilder page = new StringBuilder();

  private ManPages() {}

  /** Writes into the directory that is the only argument. */
  public static void main(String[] args) {
    Locale.setDefault(Locale.ROOT);
    CommandSpec program = Sfumato.commands().getCommandSpec();
    write(program, Path.of(args[0]));
    program.subcommands().values().forEach(c -> write(c.getCommandSpec(), Path.of(args[0])));
  }

  private static void write(CommandSpec command, Path folder) {
    String text = new ManPages().of(command);
    AtomicFile.write(folder.resolve(name(command) + ".1"), text.getBytes(StandardCharsets.UTF_8));
  }

  private static String name(CommandSpec command) {
    return command.qualifiedName("-");
  }

  private String of(CommandSpec command) {
    String[] description = command.usageMessage().description();
    page.append(".TH ").append(name(command).toUpperCase(Locale.ROOT)).append(" 1 \"\" \"");
    page.append(command.root().version()[0]).append("\"\n");
    heading("Name");
    line(name(command) + " - " + CommandOutline.summary(command));
    heading("Synopsis");
    page.append(".B ");
    line(command.qualifiedName());
    CommandOutline.synopsis(command).forEach(this::line);
    heading("Description");
    for (String paragraph : description) {
      page.append(".P\n");
      line(paragraph);
    }
    for (PositionalParamSpec parameter : command.positionalParameters()) {
      row(parameter.paramLabel(), parameter.description());
    }
    command.subcommands().values().stream()
        .map(subcommand -> subcommand.getCommandSpec())
        .forEach(c -> row(c.name(), new String[] {CommandOutline.summary(c)}));
    CommandOutline.groups(command).forEach(this::group);
    examples(List.of(command.usageMessage().footer()));
    return page.toString();
  }

  private void group(String heading, List<OptionSpec> options) {
    heading(heading);
    options.forEach(option -> row(CommandOutline.names(option).strip(), option.description()));
  }

  private void examples(List<String> lines) {
    if (!lines.isEmpty()) {
      heading("Examples");
      page.append(".nf\n");
      lines.stream().skip(1).map(String::strip).forEach(this::line);
      page.append(".fi\n");
    }
  }

  private void heading(String text) {
    page.append(".SH ").append(text.toUpperCase(Locale.ROOT)).append('\n');
  }

  /** Adds a name and what it means; each line of the description starts on a line of its own. */
  private void row(String name, String[] description) {
    page.append(".TP\n.B ");
    line(name);
    for (int i = 0; i < description.length; i++) {
      page.append(i == 0 ? "" : ".br\n");
      line(description[i].strip());
    }
  }

  /** Adds a line in which no character is a command of the typesetter. */
  private void line(String text) {
    String plain = text.replace("\\", "\\e").replace("-", "\\-");
    page.append(plain.startsWith(".") || plain.startsWith("'") ? "\\&" : "");
    page.append(plain).append('\n');
  }
}
