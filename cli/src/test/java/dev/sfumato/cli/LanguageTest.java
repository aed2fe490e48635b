package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Languages whose digits are not 0 to 9. */
class LanguageTest {
  private final Locale before = Locale.getDefault();
  @TempDir private Path folder;

  @AfterEach
  void restore() {
    Locale.setDefault(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ar-EG", "fa-IR", "ne-NP"})
  void runsAreNamedResumedAndPrunedAlike(String language) throws Exception {
    Locale.setDefault(Locale.forLanguageTag(language));
    Calls.pictures(folder.resolve("data"), 2);
    Path output = folder.resolve("run");
    String call =
        "train --data %s --output %s --config %s --resolution 8 --batch-size 2 --threads 1"
            + " --sample-count 0 --log csv --checkpoint-every 1 --checkpoints-keep 1 --max-steps ";
    Object[] places = {folder.resolve("data"), output, Calls.config(folder)};
    Calls.run(call + 2, places).succeeds();
    List<String> first = Calls.metrics(output);
    assertThat(first.get(first.size() - 1)).startsWith("2,");
    Calls.run(call + "3 --resume", places).succeeds();
    assertThat(Calls.metrics(output).subList(0, first.size())).isEqualTo(first);
    assertThat(Calls.metrics(output)).hasSize(first.size() + 1);
    try (var checkpoints = Files.list(output.resolve("checkpoints"))) {
      assertThat(checkpoints.map(path -> path.getFileName().toString()).toList())
          .containsExactly("step-000003");
    }
  }
}
