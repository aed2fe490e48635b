package dev.sfumato.tracking;

import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.WebClient;
import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger.Level;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;

/**
 * Stores files with a run of MLflow. MLflow's Java client would start Python for that, so this
 * class sends them to the server ({@code mlflow-artifacts:}) or copies them if the store is a local
 * folder. Files for other stores, such as {@code s3:}, are not sent.
 */
final class MlflowArtifacts {
  private static final System.Logger log = System.getLogger(MlflowArtifacts.class.getName());
  private static final Duration SILENCE = Duration.ofSeconds(30);
  private static final String PROXY = "/api/2.0/mlflow-artifacts/artifacts";

  private final MlflowSettings settings;
  private final URI store;
  private final WebClient http = new WebClient(SILENCE, HttpClient.Redirect.NEVER);
  private boolean said;

  /**
   * @param store the run's {@code artifact_uri}
   */
  MlflowArtifacts(MlflowSettings settings, String store) {
    this.settings = settings;
    this.store = URI.create(store.replace(" ", "%20"));
  }

  /** Stores {@code file} as {@code name}, or warns once that it cannot. */
  void put(Path file, String name) throws IOException {
    String scheme = Optional.ofNullable(store.getScheme()).orElse("file");
    if (scheme.equals("mlflow-artifacts")) {
      upload(file, name);
    } else if (scheme.equals("file") && Files.isDirectory(Path.of(store.getPath()))) {
      Path target = Path.of(store.getPath()).resolve(name);
      AtomicFile.write(target, aside -> Files.copy(file, aside));
    } else if (!said) {
      said = true;
      log.log(
          Level.WARNING,
          store + " cannot be reached from here: pictures and report stay in the output");
    }
  }

  private void upload(Path file, String name) throws IOException {
    String server =
        store.getAuthority() == null
            ? settings.server()
            : URI.create(settings.server()).getScheme() + "://" + store.getAuthority();
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(server + PROXY + store.getRawPath() + "/" + name))
            .PUT(BodyPublishers.ofFile(file));
    authorization().ifPresent(value -> request.header("Authorization", value));
    HttpResponse<InputStream> answer = http.send(request, Long.MAX_VALUE, bytes -> SILENCE);
    answer.body().close(); // the status is enough
    if (answer.statusCode() >= 300) {
      throw new IOException(answer.statusCode() + " for the file " + name);
    }
  }

  private Optional<String> authorization() {
    if (settings.username().isPresent() && settings.password().isPresent()) {
      String both = settings.username().get() + ":" + settings.password().get();
      byte[] bytes = both.getBytes(StandardCharsets.UTF_8);
      return Optional.of("Basic " + Base64.getEncoder().encodeToString(bytes));
    }
    return settings.token().map(token -> "Bearer " + token);
  }
}
