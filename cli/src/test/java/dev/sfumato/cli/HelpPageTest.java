package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Help and man pages of every command. */
class HelpPageTest {
  private static final String WIDTH = "picocli.usage.width";

  @TempDir private Path folder;

  @AfterEach
  void reset() {
    System.clearProperty(WIDTH);
  }

  private static Set<String> commands() {
    return Sfumato.commands().getSubcommands().keySet();
  }

  private static String help(String command, int width) {
    System.setProperty(WIDTH, Integer.toString(width));
    return Calls.run("help " + command).succeeds().out();
  }

  private static List<String> words(String page) {
    return List.of(page.replaceAll(" \\\\\\R", "\n").strip().split("\\s+"));
  }

  @ParameterizedTest
  @ValueSource(ints = {60, 80, 120})
  void linesFitTheTerminalAndBreakBetweenWords(int width) {
    for (String command : commands()) {
      String page = help(command, width);
      assertThat(words(page)).isEqualTo(words(help(command, 1000)));
      for (String line : page.lines().toList()) {
        if (line.strip().contains(" ")) {
          assertWithMessage(line).that(line.length()).isLessThan(width);
        }
      }
    }
  }

  @Test
  void aWideTerminalIsUsed() {
    String page = help("train", 120);
    assertThat(page.lines().mapToInt(String::length).max().getAsInt()).isGreaterThan(110);
    assertThat(page.lines().count()).isLessThan(help("train", 80).lines().count());
  }

  @Test
  void eachCommandHasAManPageWithAllItsOptions() throws IOException {
    ManPages.main(new String[] {folder.toString()});
    for (String command : commands()) {
      String page = Files.readString(folder.resolve("sfumato-" + command + ".1"));
      assertThat(page).startsWith(".TH SFUMATO-" + command.toUpperCase(Locale.ROOT));
      Sfumato.commands()
          .getSubcommands()
          .get(command)
          .getCommandSpec()
          .options()
          .forEach(
              o -> assertThat(page).contains(CommandOutline.names(o).replace("-", "\\-").strip()));
      for (String line : page.lines().filter(l -> l.startsWith(".")).toList()) {
        assertThat(line).matches("\\.(TH|SH|TP|B|P|nf|fi|br)( .*)?");
      }
    }
    assertThat(Files.readString(folder.resolve("sfumato.1"))).contains("quickstart");
  }
}
