//! The first process: it makes the namespaces.

use std::os::fd::OwnedFd;

use nix::sched::{CloneFlags, unshare};
use rustix::thread::{Gid, Uid};

use super::{Process, answer, changes, expect, remove, staging, unpack, world};
use crate::channel::Channel;
use crate::wire::{Answer, Ask, Failure, Job, Namespace, Setup, Step, World};

pub(super) fn run(channel: &Channel) -> Result<(), Failure> {
    let (setup, descriptors): (Setup, _) = expect(channel)?;
    // A session of its own: no terminal's keys reach it but by way of the outside.
    rustix::process::setsid().step(|| "start a session".to_owned())?;
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    match &setup.job {
        Job::Run(world) => run_world(channel, &setup, world),
        Job::Probe => {
            user_namespace(channel)?;
            other_namespaces(false)?;
            become_root(&setup)?;
            let overlay = world::probe_overlay()?;
            answer(channel, &Answer::Probed { overlay, attributes: world::probe_attributes() })?;
            init(channel)
        }
        Job::Emulator(line) => {
            user_namespace(channel)?;
            other_namespaces(false)?;
            become_root(&setup)?;
            world::probe_emulator(line)?;
            answer(channel, &Answer::Done)
        }
        Job::Unpack { owners } => {
            user_namespace(channel)?;
            become_root(&setup)?;
            let [folder, tar] = two(descriptors)?;
            unpack::run(folder, tar, *owners)?;
            answer(channel, &Answer::Done)
        }
        Job::Remove => {
            user_namespace(channel)?;
            become_root(&setup)?;
            remove::empty(&one(descriptors)?)?;
            answer(channel, &Answer::Done)
        }
        Job::Difference => {
            user_namespace(channel)?;
            become_root(&setup)?;
            changes::run(channel, &one(descriptors)?)
        }
    }
}

fn run_world(channel: &Channel, setup: &Setup, world: &World) -> Result<(), Failure> {
    // As root, everything is opened before root is given up: the ids inside may not pass the folders on the way.
    let privileged = setup.root && unshare(CloneFlags::CLONE_NEWNS).is_ok();
    if privileged {
        let sources = staging::open(world)?;
        staging::stage(world, &sources)?;
    }
    user_namespace(channel)?;
    let sources = if privileged {
        None
    } else {
        other_namespaces(world.host_network)?;
        Some(staging::open(world)?)
    };
    if privileged {
        other_namespaces(world.host_network)?;
    }
    become_root(setup)?;
    if let Some(sources) = sources {
        staging::stage(world, &sources)?;
    }
    channel.send(&Answer::Done).step(|| "answer the outside".to_owned())?;
    init(channel)
}

/// A user namespace, with the maps that the outside writes.
fn user_namespace(channel: &Channel) -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| Failure::Namespace(Namespace::User, error as i32))?;
    answer(channel, &Answer::Unshared)?;
    match expect(channel)?.0 {
        Ask::Mapped => Ok(()),
        _ => Err(unexpected()),
    }
}

fn other_namespaces(host_network: bool) -> Result<(), Failure> {
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    flags.set(CloneFlags::CLONE_NEWNET, !host_network);
    unshare(flags).map_err(|error| Failure::Namespace(Namespace::Others, error as i32))
}

fn become_root(setup: &Setup) -> Result<(), Failure> {
    let what = || "become root of the user namespace".to_owned();
    if setup.groups {
        rustix::thread::set_thread_groups(&[]).step(what)?;
    }
    rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT).step(what)?;
    rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).step(what)
}

/// Starts process 1 of the new namespaces, and waits until it and all others there have ended.
fn init(channel: &Channel) -> Result<(), Failure> {
    let socket = channel.duplicate().step(|| "hand on the socket".to_owned())?;
    let mut command = Process::Init.start();
    let child = command.stdin(socket.into_stdin()).spawn();
    let mut child = child.step(|| "start process 1 of the sandbox".to_owned())?;
    // The command holds its own end: what is said after this one ended must be noticed.
    child.wait().step(|| "wait for the sandbox".to_owned())?;
    Ok(())
}

fn one(descriptors: Vec<OwnedFd>) -> Result<OwnedFd, Failure> {
    let [one] = <[OwnedFd; 1]>::try_from(descriptors).map_err(|_| unexpected())?;
    Ok(one)
}

fn two(descriptors: Vec<OwnedFd>) -> Result<[OwnedFd; 2], Failure> {
    <[OwnedFd; 2]>::try_from(descriptors).map_err(|_| unexpected())
}

pub(super) fn unexpected() -> Failure {
    Failure::Step("understand the outside".to_owned(), 0)
}
