package dev.sfumato.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.mlflow.api.proto.Service.CreateRun;
import org.mlflow.api.proto.Service.Experiment;
import org.mlflow.api.proto.Service.Param;
import org.mlflow.api.proto.Service.Run;
import org.mlflow.api.proto.Service.RunInfo;
import org.mlflow.api.proto.Service.RunStatus;
import org.mlflow.api.proto.Service.RunTag;
import org.mlflow.tracking.MlflowClient;
import org.mlflow.tracking.creds.BasicMlflowHostCreds;

/**
 * Logs a run to an MLflow server through MLflow's Java client: options as parameters, losses as
 * metrics, sample grids and the report as artifacts. Connecting and starting the run happen at
 * once, and failures are thrown at once. Everything later is sent in the background by an {@link
 * MlflowSender}; if the server becomes unreachable, the training continues.
 *
 * <p>The id of the MLflow run is kept in a file of the output directory, so that a resumed training
 * continues it.
 */
public final class MlflowTracker implements Tracker {
  private static final int PARAMS_PER_REQUEST = 100;
  private static final int LONGEST_VALUE = 500;

  private final MlflowSettings settings;
  private final Path idFile;
  private final MlflowClient client;
  private final MlflowSender sender;
  private final String experiment;
  private String run = ""; // until it begins

  /**
   * Connects to the server and finds or makes the experiment.
   *
   * @param idFile the file of the run's id
   * @throws SfumatoException if the server cannot be used
   */
  public MlflowTracker(MlflowSettings settings, Path idFile) {
    this.settings = settings;
    this.idFile = idFile;
    client =
        new MlflowClient(
            new BasicMlflowHostCreds(
                settings.server(),
                settings.username().orElse(null),
                settings.password().orElse(null),
                settings.token().orElse(null),
                false));
    sender = new MlflowSender(client, settings);
    try {
      experiment =
          sender.now(
              () ->
                  client
                      .getExperimentByName(settings.experiment())
                      .map(Experiment::getExperimentId)
                      .orElseGet(() -> client.createExperiment(settings.experiment())));
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** Creates the run, or opens the one to continue, and logs the options. */
  @Override
  public void begin(Map<String, String> options) {
    Run opened = sender.now(() -> client.getRun(earlierRun().orElseGet(this::newRun)));
    run = opened.getInfo().getRunId();
    sender.begin(opened.getInfo());
    JsonFile.write(
        idFile,
        Map.of("run_id", run, "experiment_id", experiment, "tracking_uri", settings.server()));
    Map<String, String> known =
        opened.getData().getParamsList().stream()
            .collect(Collectors.toMap(Param::getKey, Param::getValue));
    sender.now(
        () -> {
          status(RunStatus.RUNNING);
          logOptions(options, known);
          return run;
        });
  }

  private Optional<String> earlierRun() {
    if (settings.runId().isPresent() || !Files.exists(idFile)) {
      return settings.runId();
    }
    JsonNode saved = JsonFile.read(idFile, JsonNode.class);
    return Optional.of(saved.path("run_id").asText())
        .filter(id -> saved.path("tracking_uri").asText().equals(settings.server()));
  }

  private String newRun() {
    Path directory = idFile.toAbsolutePath().normalize().getParent();
    RunInfo info =
        client.createRun(
            CreateRun.newBuilder()
                .setExperimentId(experiment)
                .setRunName(settings.runName().orElse(directory.getFileName().toString()))
                .setStartTime(System.currentTimeMillis())
                .addTags(tag("mlflow.source.name", "sfumato"))
                .addTags(tag("mlflow.user", System.getProperty("user.name")))
                .build());
    return info.getRunId();
  }

  /**
   * Sets the status; the client's own setTerminated would also give a continued run an end time.
   */
  private void status(RunStatus status) {
    client.sendPost(
        "runs/update",
        JsonFile.MAPPER.valueToTree(Map.of("run_id", run, "status", status.name())).toString());
  }

  /**
   * Logs the options; MLflow never changes a parameter, so options changed on resume become tags.
   */
  private void logOptions(Map<String, String> options, Map<String, String> known) {
    List<Param> params = new ArrayList<>();
    List<RunTag> tags = new ArrayList<>();
    options.forEach(
        (name, full) -> {
          String value = full.substring(0, Math.min(full.length(), LONGEST_VALUE));
          if (!known.containsKey(name)) {
            params.add(Param.newBuilder().setKey(name).setValue(value).build());
          } else if (!known.get(name).equals(value)) {
            tags.add(tag("resumed." + name, value));
          }
        });
    for (int i = 0; i < params.size(); i += PARAMS_PER_REQUEST) {
      List<Param> some = params.subList(i, Math.min(i + PARAMS_PER_REQUEST, params.size()));
      client.logBatch(run, List.of(), some, List.of());
    }
    if (!tags.isEmpty()) {
      client.logBatch(run, List.of(), List.of(), tags);
    }
  }

  private static RunTag tag(String key, String value) {
    return RunTag.newBuilder().setKey(key).setValue(value).build();
  }

  @Override
  public void curves(long step, Map<String, Double> values) {
    values.forEach((name, value) -> sender.metric(name, step, value));
  }

  @Override
  public void samples(long step, BufferedImage grid, Path file) {
    sender.file(file, "samples/" + file.getFileName());
  }

  @Override
  public void samplesWithoutLora(BufferedImage grid, Path file) {
    sender.file(file, "samples/" + file.getFileName());
  }

  /** Sends the rest, for at most half a minute, and logs what could not be sent. */
  @Override
  public void end(Outcome outcome, List<Path> files) {
    if (run.isEmpty()) {
      return; // it never began
    }
    files.forEach(file -> sender.file(file, file.getFileName().toString()));
    RunStatus status =
        switch (outcome.state()) {
          case FINISHED -> RunStatus.FINISHED;
          case STOPPED -> RunStatus.KILLED;
          case FAILED -> RunStatus.FAILED;
        };
    sender.end(() -> client.setTerminated(run, status));
  }

  @Override
  public void close() {
    sender.close();
    client.close();
  }
}
