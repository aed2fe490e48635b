package dev.sfumato;

import static com.google.common.truth.Truth.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The library names its properties; only the command line knows flags. */
class MessagesTest {
  private static final Pattern FLAG = Pattern.compile("\"[^\"]*(^|[ \"(])--[a-z][^\"]*\"");

  /** Cards and the studio show how to call the program; MLflow's server has flags of its own. */
  private static final Set<String> OTHERS =
      Set.of(
          "ModelCard.java",
          "AdapterUse.java",
          "CardHeader.java",
          "MlflowSettings.java",
          "CommandText.java",
          "DrawingSettings.java");

  @Test
  void noMessageNamesAFlag() throws IOException {
    List<String> flags = new ArrayList<>();
    for (String module : List.of("../core", "../training", "../studio")) {
      try (Stream<Path> files = Files.walk(Path.of(module, "src/main/java"))) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
          if (!OTHERS.contains(file.getFileName().toString())) {
            Files.readAllLines(file).stream()
                .filter(line -> FLAG.matcher(line).find())
                .forEach(line -> flags.add(file.getFileName() + ": " + line.strip()));
          }
        }
      }
    }
    assertThat(flags).isEmpty();
  }
}
