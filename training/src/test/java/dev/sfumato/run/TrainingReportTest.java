package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingReportTest {
  @TempDir Path folder;

  /** The name of the millionth step has a digit more. */
  @Test
  void gridsAreInTheOrderOfTheirSteps() throws IOException {
    for (String step : new String[] {"1000000", "000500", "999500", "1000500"}) {
      Files.createFile(folder.resolve("step-" + step + ".png"));
    }
    assertThat(TrainingReport.grids(folder, 1_000_000))
        .containsExactly(
            folder.resolve("step-000500.png"),
            folder.resolve("step-999500.png"),
            folder.resolve("step-1000000.png"))
        .inOrder();
  }
}
