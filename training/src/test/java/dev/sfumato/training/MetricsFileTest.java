package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsFileTest {
  private static final String HEADER = "step,epoch,images,loss,learning_rate,grad_norm,seconds\n";

  @TempDir Path folder;

  @Test
  void aRowIsReadableAsSoonAsItIsWritten() throws IOException {
    Path file = folder.resolve("metrics.csv");
    try (MetricsFile metrics = MetricsFile.ofSteps(file, 0)) {
      metrics.write(new StepReport(1, 0, 4, 0.1 + 0.2, 1e-4, 2, 0.1234));
      assertThat(Files.readString(file))
          .isEqualTo(HEADER + "1,0,4,0.30000000000000004,1.0E-4,2.0,0.123\n");
    }
  }

  @Test
  void rowsAfterTheCheckpointAndAHalfRowGo() throws IOException {
    Path file = folder.resolve("metrics.csv");
    Files.writeString(
        file, HEADER + "1,0,4,0.5,1e-4,2,0.1\n2,0,8,0.4,1e-4,2,0.1\n3,0,12,0.3,1e-4,2,0.1\n4,0,");
    try (MetricsFile metrics = MetricsFile.ofSteps(file, 2)) {
      metrics.write(new StepReport(3, 0, 12, 0.25, 1e-4, 2, 0.1));
    }
    assertThat(Files.readString(file))
        .isEqualTo(
            HEADER + "1,0,4,0.5,1e-4,2,0.1\n2,0,8,0.4,1e-4,2,0.1\n3,0,12,0.25,1.0E-4,2.0,0.100\n");
  }

  @Test
  void columnsAreReadByName() throws IOException {
    Path file = folder.resolve("metrics.csv");
    Files.writeString(
        file,
        "step,loss,epoch,images,memory,learning_rate,grad_norm,seconds\n7,0.5,1,28,9,1e-4,2,3\n");
    assertThat(MetricsFile.steps(file, 9))
        .containsExactly(new StepReport(7, 1, 28, 0.5, 1e-4, 2, 3));
    Files.writeString(file, "step,loss\n7,0.5\n9,0.25\n");
    assertThat(MetricsFile.validationLosses(file, 9)).containsExactly(7L, 0.5, 9L, 0.25).inOrder();
  }

  @Test
  void aRowThatDoesNotFitIsNamed() throws IOException {
    Path file = folder.resolve("metrics.csv");
    Files.writeString(file, HEADER + "1,0,4,much,1e-4,2,0.1\n");
    assertThat(assertThrows(SfumatoException.class, () -> MetricsFile.steps(file, 9)))
        .hasMessageThat()
        .contains("metrics.csv, line 2: loss is not a number");
  }
}
