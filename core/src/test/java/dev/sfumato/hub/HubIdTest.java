package dev.sfumato.hub;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HubIdTest {
  @ParameterizedTest
  @CsvSource({
    "google/ddpm-celebahq-256, google/ddpm-celebahq-256, main",
    "org/name@v1.0, org/name, v1.0",
    "org/name@refs/pr/1, org/name, refs/pr/1",
    "My_Org/a.b_c-1@0123abc, My_Org/a.b_c-1, 0123abc"
  })
  void readsIds(String text, String repository, String revision) {
    HubId id = HubId.parse(text).orElseThrow();
    assertThat(id).isEqualTo(new HubId(repository, revision));
    assertThat(id.toString()).isEqualTo(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "name",
        "./org/name",
        "/org/name",
        "a/b/c",
        "org/",
        "/name",
        "org/name/",
        "org--x/name",
        "org/a..b",
        "org/.name",
        "org/name.",
        "org/name.git",
        "../name",
        "org/na me",
        "C:\\model"
      })
  void knowsWhatIsNone(String text) {
    assertThat(HubId.parse(text)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "../../x", "a/../b", "/etc", "a//b", "a b", "a\\b", "a:b"})
  void refusesRevisionsThatAreNone(String revision) {
    assertThat(
            assertThrows(SfumatoException.class, () -> HubId.parse("org/name@" + revision))
                .getMessage())
        .isEqualTo("org/name@" + revision + ": is not the name of a revision");
  }

  @Test
  void tellsCommitsFromBranches() {
    assertThat(new HubId("org/name", "a".repeat(40)).isCommit()).isTrue();
    assertThat(new HubId("org/name", "a".repeat(39)).isCommit()).isFalse();
  }
}
