package dev.sfumato.tracking;

import dev.sfumato.SfumatoException;
import java.util.Map;
import java.util.Optional;

/**
 * The MLflow server and the name of a run there, from MLflow's own environment variables.
 *
 * @param server {@code MLFLOW_TRACKING_URI}, such as {@code http://localhost:5000}
 * @param experiment {@code MLFLOW_EXPERIMENT_NAME}, created if it does not exist
 * @param runName {@code MLFLOW_RUN_NAME}; if absent, the output directory's name
 * @param runId {@code MLFLOW_RUN_ID}, the run to continue
 * @param username {@code MLFLOW_TRACKING_USERNAME}
 * @param password {@code MLFLOW_TRACKING_PASSWORD}
 * @param token {@code MLFLOW_TRACKING_TOKEN}
 */
public record MlflowSettings(
    String server,
    String experiment,
    Optional<String> runName,
    Optional<String> runId,
    Optional<String> username,
    Optional<String> password,
    Optional<String> token) {

  /**
   * Reads the settings from an environment.
   *
   * @throws SfumatoException if it names no server that MLflow's Java client supports
   */
  public static MlflowSettings of(Map<String, String> environment) {
    String server = environment.getOrDefault("MLFLOW_TRACKING_URI", "").strip();
    if (server.isEmpty()) {
      throw new SfumatoException(
          "`log` mlflow needs the address of an MLflow server in MLFLOW_TRACKING_URI, such as"
              + " http://localhost:5000 (start one with: mlflow server)");
    }
    if (!server.matches("https?://.+")) {
      throw new SfumatoException(
          "MLFLOW_TRACKING_URI="
              + server
              + ": MLflow's Java client speaks to servers only; start one on it with: mlflow server"
              + " --backend-store-uri "
              + server
              + " and name its http:// address");
    }
    return new MlflowSettings(
        server.replaceFirst("/+$", ""),
        variable(environment, "MLFLOW_EXPERIMENT_NAME").orElse("Default"),
        variable(environment, "MLFLOW_RUN_NAME"),
        variable(environment, "MLFLOW_RUN_ID"),
        variable(environment, "MLFLOW_TRACKING_USERNAME"),
        variable(environment, "MLFLOW_TRACKING_PASSWORD"),
        variable(environment, "MLFLOW_TRACKING_TOKEN"));
  }

  private static Optional<String> variable(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
  }
}
