package dev.sfumato.hub;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HubSettingsTest {
  @TempDir private Path home;

  @Test
  void hasTheDefaultsOfPython() {
    HubSettings settings = HubSettings.of(Map.of("HOME", home.toString()));
    assertThat(settings.endpoint()).isEqualTo(URI.create("https://huggingface.co"));
    assertThat(settings.cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
    assertThat(settings.token()).isEmpty();
    assertThat(settings.offline()).isFalse();
    assertThat(settings.symlinks()).isTrue();
    assertThat(settings.timeout()).isEqualTo(Duration.ofSeconds(10));
  }

  @ParameterizedTest
  @CsvSource({
    "XDG_CACHE_HOME=/x, /x/huggingface/hub",
    "HF_HOME=/h XDG_CACHE_HOME=/x, /h/hub",
    "HUGGINGFACE_HUB_CACHE=/old HF_HOME=/h, /old",
    "HF_HUB_CACHE=/c HUGGINGFACE_HUB_CACHE=/old HF_HOME=/h, /c",
    "HF_HOME=~/h HOME=/me, /me/h/hub",
    "HF_HUB_CACHE=$SCRATCH/${PART}/c SCRATCH=/s PART=p, /s/p/c",
    "HF_HUB_CACHE=/$UNKNOWN/c, /$UNKNOWN/c",
    "HF_HUB_CACHE= HF_HOME=/h, /h/hub"
  })
  void findsTheCache(String variables, String cache) {
    assertThat(HubSettings.of(environment(variables)).cache()).isEqualTo(Path.of(cache));
  }

  @ParameterizedTest
  @CsvSource({
    "HF_HUB_OFFLINE=1, true",
    "HF_HUB_OFFLINE=on, true",
    "HF_HUB_OFFLINE=Yes, true",
    "HF_HUB_OFFLINE=TRUE, true",
    "TRANSFORMERS_OFFLINE=1, true",
    "HF_HUB_OFFLINE=0 TRANSFORMERS_OFFLINE=1, false",
    "HF_HUB_OFFLINE=2, false",
    "HF_HUB_OFFLINE=, false"
  })
  void knowsWhenItIsOffline(String variables, boolean offline) {
    assertThat(HubSettings.of(environment(variables)).offline()).isEqualTo(offline);
  }

  @Test
  void findsTheToken() throws IOException {
    Path file = Files.writeString(home.resolve("token"), " of-the-file\n");
    String inHome = "HF_HOME=" + home;
    assertThat(token(inHome)).isEqualTo("of-the-file");
    assertThat(token(inHome + " HUGGING_FACE_HUB_TOKEN=old")).isEqualTo("old");
    assertThat(token(inHome + " HUGGING_FACE_HUB_TOKEN=old HF_TOKEN=new")).isEqualTo("new");
    assertThat(token(inHome + " HF_TOKEN=")).isEqualTo("of-the-file");
    assertThat(token("HF_HOME=/nowhere HF_TOKEN_PATH=" + file)).isEqualTo("of-the-file");
    assertThat(token(inHome + " HF_HUB_DISABLE_IMPLICIT_TOKEN=1")).isEqualTo("none");
  }

  private static String token(String variables) {
    return HubSettings.of(environment(variables)).token().orElse("none");
  }

  @Test
  void takesAnotherEndpoint() {
    assertThat(HubSettings.of(Map.of("HF_ENDPOINT", "http://localhost:8080/hf/")).endpoint())
        .isEqualTo(URI.create("http://localhost:8080/hf"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost:8080", "ftp://host", "http:", "http://a b"})
  void refusesAnEndpointThatIsNone(String endpoint) {
    assertThat(
            assertThrows(
                    SfumatoException.class, () -> HubSettings.of(Map.of("HF_ENDPOINT", endpoint)))
                .getMessage())
        .startsWith("HF_ENDPOINT: '" + endpoint + "' is not an address");
  }

  private static Map<String, String> environment(String variables) {
    return Arrays.stream(variables.split(" "))
        .map(variable -> variable.split("=", 2))
        .collect(Collectors.toMap(v -> v[0], v -> v[1]));
  }
}
