package dev.sfumato.data;

import java.util.List;

/**
 * The files below a folder that contains all files.
 *
 * @param root the folder, with a slash at its end
 */
record FilesBelow(PictureFiles files, String root) implements PictureFiles {

  /** Returns the files below the single folder of an archive, if it has one. */
  static PictureFiles of(PictureFiles archive) {
    return new FilesBelow(archive, EntryNames.root(archive.names()));
  }

  @Override
  public String origin() {
    return files.origin();
  }

  @Override
  public List<String> names() {
    return files.names().stream().map(name -> name.substring(root.length())).toList();
  }

  @Override
  public byte[] read(String name) {
    return files.read(root + name);
  }

  @Override
  public Beginning begin(String name) {
    return files.begin(root + name);
  }
}
