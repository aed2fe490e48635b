package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The Hub's address, the place of its files, and the settings of connections.
 *
 * @param endpoint the server's address, without a slash at the end
 * @param cache the folder of all repositories
 * @param token the user's token; empty for anonymous access
 * @param offline whether to use only cached files
 * @param symlinks whether snapshots link to blobs where the system allows links; otherwise they
 *     hold copies
 * @param timeout the longest silence of a server
 * @param pause the pause before the first new attempt; each further pause is twice as long
 */
public record HubSettings(
    URI endpoint,
    Path cache,
    Optional<String> token,
    boolean offline,
    boolean symlinks,
    Duration timeout,
    Duration pause) {
  private static final String HUGGING_FACE = "https://huggingface.co";
  private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");
  private static final Pattern VARIABLE = Pattern.compile("\\$(?:\\{(\\w+)}|(\\w+))");

  /** Returns the settings of this process's environment. */
  public static HubSettings fromEnvironment() {
    return of(System.getenv());
  }

  /**
   * Reads the variables that Python's {@code huggingface_hub} reads, in its order: {@code
   * HF_ENDPOINT}; {@code HF_HUB_CACHE}, {@code HUGGINGFACE_HUB_CACHE}, {@code HF_HOME}, {@code
   * XDG_CACHE_HOME}; {@code HF_TOKEN}, {@code HUGGING_FACE_HUB_TOKEN}, the file {@code
   * HF_TOKEN_PATH}; {@code HF_HUB_OFFLINE}, {@code TRANSFORMERS_OFFLINE}; {@code
   * HF_HUB_DISABLE_IMPLICIT_TOKEN}, {@code HF_HUB_DISABLE_SYMLINKS} and {@code
   * HF_HUB_DOWNLOAD_TIMEOUT} in seconds.
   *
   * @throws SfumatoException naming the variable whose value is malformed
   */
  public static HubSettings of(Map<String, String> environment) {
    Variables variables = new Variables(environment);
    Path home =
        variables
            .path("HF_HOME")
            .orElseGet(
                () ->
                    variables
                        .path("XDG_CACHE_HOME")
                        .orElseGet(() -> Path.of(variables.home(), ".cache"))
                        .resolve("huggingface"));
    Path cache =
        variables
            .path("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
            .orElseGet(() -> home.resolve("hub"));
    Path tokenFile = variables.path("HF_TOKEN_PATH").orElseGet(() -> home.resolve("token"));
    return new HubSettings(
        variables.endpoint(),
        cache.toAbsolutePath().normalize(),
        variables.isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN")
            ? Optional.empty()
            : variables
                .text("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
                .or(() -> token(tokenFile))
                .map(token -> token.replaceAll("[\r\n]", "").strip())
                .filter(token -> !token.isEmpty()),
        variables.isTrue("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
        !variables.isTrue("HF_HUB_DISABLE_SYMLINKS"),
        variables.seconds("HF_HUB_DOWNLOAD_TIMEOUT").orElse(Duration.ofSeconds(10)),
        Duration.ofSeconds(1));
  }

  private static Optional<String> token(Path file) {
    try {
      return Files.exists(file) ? Optional.of(Files.readString(file)) : Optional.empty();
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  /** The environment, where an empty variable counts as none. */
  private record Variables(Map<String, String> environment) {
    /** Returns the first of these that is set. */
    Optional<String> text(String... names) {
      return Arrays.stream(names)
          .map(name -> environment.getOrDefault(name, ""))
          .filter(value -> !value.isBlank())
          .findFirst();
    }

    boolean isTrue(String... names) {
      return text(names).filter(value -> TRUE.contains(value.toUpperCase(Locale.ROOT))).isPresent();
    }

    String home() {
      return text("HOME").orElseGet(() -> System.getProperty("user.home"));
    }

    /** Returns a path with {@code ~}, {@code $NAME} and <code>${NAME}</code> replaced. */
    Optional<Path> path(String... names) {
      return text(names)
          .map(value -> value.replaceFirst("^~(?=/|$)", Matcher.quoteReplacement(home())))
          .map(value -> VARIABLE.matcher(value).replaceAll(this::valueOf))
          .map(Path::of);
    }

    private String valueOf(MatchResult variable) {
      String name = variable.group(1) == null ? variable.group(2) : variable.group(1);
      return Matcher.quoteReplacement(environment.getOrDefault(name, variable.group()));
    }

    URI endpoint() {
      String text = text("HF_ENDPOINT").orElse(HUGGING_FACE).strip().replaceFirst("/+$", "");
      try {
        URI endpoint = URI.create(text);
        if (Set.of("http", "https").contains(String.valueOf(endpoint.getScheme()))
            && endpoint.getHost() != null) {
          return endpoint;
        }
      } catch (IllegalArgumentException e) {
        // The message below is clearer.
      }
      throw new SfumatoException(
          "HF_ENDPOINT: '" + text + "' is not an address such as " + HUGGING_FACE);
    }

    Optional<Duration> seconds(String name) {
      try {
        return text(name).map(Long::parseLong).filter(n -> n > 0).map(Duration::ofSeconds);
      } catch (NumberFormatException e) {
        throw new SfumatoException(name + ": takes a whole number of seconds", e);
      }
    }
  }
}
