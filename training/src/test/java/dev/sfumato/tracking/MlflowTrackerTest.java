package dev.sfumato.tracking;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.training.StepReport;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class MlflowTrackerTest {
  private static final Map<String, String> OPTIONS =
      Map.of("learning_rate", "0.0001", "data", "faces");

  @TempDir Path folder;

  @Test
  void logsARun() throws IOException {
    try (MlflowServer server = new MlflowServer()) {
      Path grid = Files.writeString(folder.resolve("step-000001.png"), "picture");
      Path without = Files.writeString(folder.resolve("without-lora.png"), "another");
      Path report = Files.writeString(folder.resolve("report.html"), "page");
      try (MlflowTracker tracker = tracker(server, Map.of("MLFLOW_EXPERIMENT_NAME", "faces"))) {
        tracker.begin(OPTIONS);
        tracker.step(step(1, 0.5));
        tracker.samplesWithoutLora(null, without);
        tracker.samples(1, null, grid);
        tracker.step(step(2, 0.25));
        tracker.epoch(new EpochReport(0, 2, 8, 0.375, OptionalDouble.of(0.4), 1));
        tracker.end(Outcome.FINISHED, List.of(report));
      }
      assertThat(server.experiments).containsKey("faces");
      MlflowServer.LoggedRun run = server.runs.get("run0");
      assertThat(run.name).isEqualTo(folder.getFileName().toString());
      assertThat(run.params).isEqualTo(OPTIONS);
      assertThat(run.status).isEqualTo("FINISHED");
      assertThat(run.metrics)
          .containsExactly(
              "loss@1=0.5",
              "learning_rate@1=1.0E-4",
              "grad_norm@1=2.0",
              "loss@2=0.25",
              "learning_rate@2=1.0E-4",
              "grad_norm@2=2.0",
              "epoch/loss@2=0.375",
              "validation_loss@2=0.4");
      assertThat(new String(server.artifacts.get("0/run0/artifacts/samples/step-000001.png")))
          .isEqualTo("picture");
      assertThat(new String(server.artifacts.get("0/run0/artifacts/samples/without-lora.png")))
          .isEqualTo("another");
      assertThat(new String(server.artifacts.get("0/run0/artifacts/report.html")))
          .isEqualTo("page");
    }
  }

  @Test
  void sendsInBatches() throws IOException {
    try (MlflowServer server = new MlflowServer()) {
      try (MlflowTracker tracker = tracker(server, Map.of())) {
        Map<String, String> many = new TreeMap<>();
        for (int i = 0; i < 150; i++) {
          many.put("option" + i, "v".repeat(i * 10));
        }
        tracker.begin(many);
        for (int i = 1; i <= 900; i++) {
          tracker.step(step(i, 1));
        }
        tracker.end(Outcome.FINISHED, List.of());
      }
      assertThat(server.runs.get("run0").params).hasSize(150);
      assertThat(server.runs.get("run0").metrics).hasSize(2700);
      assertThat(server.batches.size()).isLessThan(10);
    }
  }

  /** MLflow never changes a parameter: what the second part has changed is a tag. */
  @Test
  void aTrainingThatGoesOnGoesOnWithItsRun() throws IOException {
    try (MlflowServer server = new MlflowServer()) {
      try (MlflowTracker tracker = tracker(server, Map.of())) {
        tracker.begin(Map.of("max_steps", "1", "data", "faces"));
        tracker.end(Outcome.STOPPED, List.of());
      }
      assertThat(server.runs.get("run0").status).isEqualTo("KILLED");
      try (MlflowTracker tracker = tracker(server, Map.of())) {
        tracker.begin(Map.of("max_steps", "2", "data", "faces", "new", "x"));
        assertThat(server.runs.get("run0").status).isEqualTo("RUNNING");
        tracker.end(Outcome.failed("the loss is NaN"), List.of());
      }
      assertThat(server.runs.keySet()).containsExactly("run0");
      MlflowServer.LoggedRun run = server.runs.get("run0");
      assertThat(run.status).isEqualTo("FAILED");
      assertThat(run.params).containsExactly("max_steps", "1", "data", "faces", "new", "x");
      assertThat(run.tags).containsExactly("resumed.max_steps", "2");
    }
  }

  @Test
  void authorizesItself() throws IOException {
    try (MlflowServer server = new MlflowServer()) {
      server.requiredAuthorization = "Bearer secret";
      assertThat(assertThrows(SfumatoException.class, () -> tracker(server, Map.of())))
          .hasMessageThat()
          .contains("401");
      Path report = Files.writeString(folder.resolve("report.html"), "page");
      try (MlflowTracker tracker = tracker(server, Map.of("MLFLOW_TRACKING_TOKEN", "secret"))) {
        tracker.begin(OPTIONS);
        tracker.end(Outcome.FINISHED, List.of(report));
      }
      server.requiredAuthorization = "Basic bWU6cGFzcw==";
      Map<String, String> login =
          Map.of("MLFLOW_TRACKING_USERNAME", "me", "MLFLOW_TRACKING_PASSWORD", "pass");
      try (MlflowTracker tracker = tracker(server, login)) {
        tracker.begin(OPTIONS);
        tracker.end(Outcome.FINISHED, List.of(report));
      }
      assertThat(server.runs.get("run0").status).isEqualTo("FINISHED");
      assertThat(server.artifacts).hasSize(1);
    }
  }

  @Test
  void aServerThatIsAwayFailsAtOnceInOneLine() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    MlflowSettings nobody =
        MlflowSettings.of(Map.of("MLFLOW_TRACKING_URI", "http://127.0.0.1:" + port));
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> new MlflowTracker(nobody, folder.resolve("id")));
    assertThat(e).hasMessageThat().contains("127.0.0.1:" + port);
    assertThat(e).hasMessageThat().doesNotContain("\n");
    assertThat(Files.exists(folder.resolve("id"))).isFalse();
  }

  @Test
  void aServerThatComesBackMissesNothing() throws IOException {
    try (MlflowServer server = new MlflowServer();
        MlflowTracker tracker = tracker(server, Map.of())) {
      tracker.begin(OPTIONS);
      tracker.step(step(1, 0.5));
      server.goAway();
      tracker.step(step(2, 0.5));
      pause(3);
      server.comeBack();
      tracker.end(Outcome.FINISHED, List.of());
      assertThat(server.runs.get("run0").metrics).contains("loss@1=0.5");
      assertThat(server.runs.get("run0").metrics).contains("loss@2=0.5");
      assertThat(server.runs.get("run0").status).isEqualTo("FINISHED");
    }
  }

  @Test
  void whatCannotBeSentIsCounted() throws IOException {
    PrintStream err = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setErr(new PrintStream(said, true));
    try (MlflowServer server = new MlflowServer();
        MlflowTracker tracker = tracker(server, Map.of())) {
      tracker.begin(OPTIONS);
      server.isIll = true;
      tracker.step(step(1, 0.5));
      tracker.samples(1, null, Files.writeString(folder.resolve("a.png"), "picture"));
      tracker.end(Outcome.FINISHED, List.of());
      assertThat(server.runs.get("run0").status).isEqualTo("RUNNING");
    } finally {
      System.setErr(err);
    }
    assertThat(said.toString()).contains("values that did not reach MLflow: 3, files: 1");
  }

  @Test
  void onlyServersAreAccepted() {
    for (String uri : List.of("", "file:///tmp/mlruns", "sqlite:///mlflow.db", "mlruns")) {
      Map<String, String> environment = new HashMap<>(Map.of("MLFLOW_TRACKING_URI", uri));
      SfumatoException e =
          assertThrows(SfumatoException.class, () -> MlflowSettings.of(environment));
      assertThat(e).hasMessageThat().contains("mlflow server");
    }
  }

  // ---- a run of few steps

  private MlflowTracker tracker(MlflowServer server, Map<String, String> environment) {
    Map<String, String> all = new HashMap<>(environment);
    all.put("MLFLOW_TRACKING_URI", server.uri() + "/");
    return new MlflowTracker(MlflowSettings.of(all), folder.resolve("mlflow.json"));
  }

  private static StepReport step(long step, double loss) {
    return new StepReport(step, 0, step * 4, loss, 1e-4, 2, 0.1);
  }

  private static void pause(int seconds) {
    try {
      Thread.sleep(seconds * 1000L);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
